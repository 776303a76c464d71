//! Flags, width and precision of one verb, and padding.

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Default)]
pub(super) struct Spec {
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`, which names fields and asks for no sign.
    pub(super) plus_v: bool,
    /// `%#v`, which prints Go's syntax.
    pub(super) sharp_v: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

impl Spec {
    /// To `%v` two of the flags mean something else.
    pub(super) fn of_verb(self, verb: char) -> Self {
        match verb {
            'v' | 'w' => Self { plus: false, sharp: false, plus_v: self.plus, sharp_v: self.sharp, ..self },
            _ => self,
        }
    }

    pub(super) fn without_zero(self) -> Self {
        Self { zero: false, ..self }
    }
}

/// A text under way, and how long it may become: a verb of a few bytes prints a wide field.
pub(super) struct Printer {
    pub(super) out: String,
    pub(super) most: usize,
    /// Whether an address was to be printed, which is another each time.
    pub(super) is_unknown: bool,
}

impl Printer {
    pub(super) fn is_full(&self) -> bool {
        self.out.len() > self.most
    }

    /// Prints to the width, with zeros or blanks.
    pub(super) fn pad(&mut self, spec: Spec, text: &str) {
        let missing = spec.width.unwrap_or(0).saturating_sub(text.chars().count());
        if spec.minus {
            self.out.push_str(text);
        }
        self.fill(spec, missing);
        if !spec.minus {
            self.out.push_str(text);
        }
    }

    pub(super) fn fill(&mut self, spec: Spec, count: usize) {
        // One more than fits says that it does not.
        let count = count.min((self.most + 1).saturating_sub(self.out.len()));
        let with = if spec.zero && !spec.minus { '0' } else { ' ' };
        self.out.extend(std::iter::repeat_n(with, count));
    }
}
