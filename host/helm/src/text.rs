//! What `helm template` prints.

use crate::render::Rendered;

/// Which parts `helm template` prints besides the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// Objects and hooks: plain `helm template`.
    Objects,
    /// The files of `crds/` first: `--include-crds`.
    WithCrds,
}

/// Which hooks `helm template` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hooks {
    /// Every one.
    All,
    /// Those that are for other events than `test`: `--skip-tests`.
    WithoutTests,
    /// None: `--no-hooks`.
    None,
}

/// The text that `helm template` prints for a rendering: objects in install order, then hooks.
pub fn template_text(rendered: &Rendered, parts: Parts, hooks: Hooks) -> String {
    let mut text = String::new();
    if parts == Parts::WithCrds {
        for file in &rendered.crds {
            text.push_str(&format!("---\n# Source: {}\n{}\n", file.source, file.text()));
        }
    }
    text.push_str(&rendered.manifest);
    // Helm trims the manifest and ends it with one line break, also when there is none.
    let mut text = format!("{}\n", text.trim());
    let shown = rendered.hooks.iter().filter(|hook| match hooks {
        Hooks::All => true,
        Hooks::WithoutTests => !hook.events.iter().any(|event| event == "test"),
        Hooks::None => false,
    });
    for hook in shown {
        text.push_str(&format!("---\n# Source: {}\n{}\n", hook.path, hook.manifest));
    }
    text
}
