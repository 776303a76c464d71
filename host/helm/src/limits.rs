//! What a chart may cost.

/// Bounds on charts and their rendering. Each is named by the error that it causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an archive as downloaded.
    pub archive_bytes: usize,
    /// Bytes of all files of a chart, unpacked, sub-charts included.
    pub chart_bytes: usize,
    /// Bytes of one file of a chart.
    pub file_bytes: usize,
    /// Files of a chart, sub-charts included.
    pub entries: usize,
    /// How deep sub-charts may nest.
    pub chart_depth: usize,
    /// Bytes of the values of one chart, and of the values of a release.
    pub values_bytes: usize,
    /// Evaluations in all templates of one rendering.
    pub template_steps: u64,
    /// Templates that include one another.
    pub include_depth: usize,
    /// Bytes that all templates of one rendering print, and of one text that a function makes.
    pub output_bytes: usize,
    /// RSA keys of 2,048 bits that one rendering makes; one of 4,096 bits counts as eight.
    pub rsa_keys: usize,
    /// Passwords that one rendering hashes (`bcrypt`, `htpasswd`, `derivePassword`).
    pub password_hashes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive_bytes: 20 << 20,
            chart_bytes: 100 << 20,
            file_bytes: 5 << 20,
            entries: 10_000,
            chart_depth: 10,
            values_bytes: 10 << 20,
            template_steps: 20_000_000,
            include_depth: 500,
            output_bytes: 64 << 20,
            rsa_keys: 64,
            password_hashes: 64,
        }
    }
}
