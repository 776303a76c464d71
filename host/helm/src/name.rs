//! Names of releases.

use std::rc::Rc;
use std::sync::Arc;

use crate::error::Error;
use crate::limits::Limits;
use crate::render::{Entropy, on_a_thread};
use crate::template::{Engine, Exec, TemplateSet, parse};
use crate::value::{Text, Value};

/// What errors call the template of a name, as Helm does.
const FILE: &str = "name-template";

/// The longest name that Helm takes.
const LONGEST: usize = 53;

/// Helm's rule for names of releases: words of lower-case letters, digits and dashes, with dots between, 53 bytes at most.
pub fn check_release_name(name: &str) -> Result<(), String> {
    let word = |word: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !word.is_empty() && word.bytes().all(inner) && !word.starts_with('-') && !word.ends_with('-')
    };
    if name.len() <= LONGEST && name.split('.').all(word) {
        return Ok(());
    }
    Err(format!(
        "release name \"{name}\": invalid release name, must match regex \
         ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than {LONGEST}"
    ))
}

/// Makes the name of a release with a template that sees nothing: `helm template --name-template`.
pub fn name_from_template(template: &str, entropy: Entropy, limits: &Limits) -> Result<String, Error> {
    let make = || {
        let engine = Engine::new(limits, entropy);
        let file: Text = FILE.into();
        let mut set = TemplateSet::default();
        let parsed = Arc::new(parse(&template.into()).map_err(|failure| failure.in_file(&file))?);
        set.add(&file, &parsed, &parsed.definitions);
        Exec::run(&engine, &Rc::new(set), &file, Value::Nil)
    };
    let made = on_a_thread(limits, || make().map_err(|failure| Error::template(*failure, FILE)));
    made.map_err(|message| Error::Values { chart: FILE.to_owned(), message })?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_templates_and_follow_the_rule() {
        let make = |template| name_from_template(template, Entropy::default(), &Limits::default());
        assert_eq!(make("app-{{ \"X\" | lower }}{{ add 1 2 }}").unwrap(), "app-x3");
        assert!(make("{{ nosuch }}").unwrap_err().to_string().contains("name-template"));
        for good in ["a", "a-b.c-1", &"a".repeat(53)] {
            assert_eq!(check_release_name(good), Ok(()));
        }
        for bad in ["", "A", "-a", "a-", "a..b", "a_b", &"a".repeat(54)] {
            assert!(check_release_name(bad).is_err(), "{bad}");
        }
    }
}
