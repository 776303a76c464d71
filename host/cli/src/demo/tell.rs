//! How a scene speaks: a heading, what happens, what came of it, what was checked.

use anyhow::{Result, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::world::World;
use crate::print::{self, Paint, paint};

/// Prints one scene. Addresses of servers, which differ from run to run, are shown by name.
pub(crate) struct Teller {
    names: Vec<(String, &'static str)>,
}

impl Teller {
    pub(crate) fn new(world: &World) -> Self {
        let names = vec![
            (world.remote.url(), "file://…/get-started.git"),
            (world.charts.url(), "https://charts.example.com"),
            (world.registry.host(), "registry.example.com"),
        ];
        Self { names }
    }

    /// The scene's heading.
    pub(crate) fn scene(&self, number: u8, title: &str) {
        print::out(&format!("\n{}\n", paint(&format!("Scene {number}  {title}"), Paint::Bold)));
    }

    /// What happens now.
    pub(crate) fn say(&self, text: &str) {
        print::out(&format!("{}\n", self.named(text)));
    }

    /// A command and what stands for it here.
    pub(crate) fn command(&self, text: &str) {
        print::out(&format!("\n{} {}\n", paint("$", Paint::Cyan), self.named(text)));
    }

    /// A table or a diff, indented.
    pub(crate) fn show(&self, text: &str) {
        for line in self.named(text).lines() {
            print::out(&format!("    {line}\n"));
        }
    }

    /// Checks an outcome and says so; the scene ends when it is not so.
    pub(crate) fn check(&self, holds: bool, what: &str) -> Result<()> {
        ensure!(holds, "expected: {what}");
        print::out(&format!("  {} {}\n", paint("✓", Paint::Green), self.named(what)));
        Ok(())
    }

    /// A report with addresses shown by name, so that a table made of it aligns.
    pub(crate) fn by_name<T: Serialize + DeserializeOwned>(&self, report: &T) -> Result<T> {
        Ok(serde_json::from_str(&self.named(&serde_json::to_string(report)?))?)
    }

    fn named(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (address, name)| text.replace(address, name))
    }
}

/// The lines that differ between two texts of the same shape, as a diff shows them.
pub(crate) fn changed_lines(before: &str, after: &str) -> Vec<String> {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    if before.len() != after.len() {
        return vec![format!("{} lines became {}", before.len(), after.len())];
    }
    let differing = before.iter().zip(&after).filter(|(before, after)| before != after);
    differing.flat_map(|(before, after)| [format!("- {}", before.trim()), format!("+ {}", after.trim())]).collect()
}
