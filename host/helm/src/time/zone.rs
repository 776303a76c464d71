//! Time zones.

use std::rc::Rc;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::SECOND;
use crate::value::go_quote;

/// Where a clock stands.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    Utc,
    /// That of the process, which is UTC here.
    Local,
    /// One that a text or a document named.
    Fixed(Rc<Fixed>),
    /// One of the time zone database.
    Named(TimeZone),
}

/// A zone of one offset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fixed {
    /// An abbreviation, or nothing.
    pub(crate) name: String,
    /// Seconds east of UTC.
    pub(crate) offset: i128,
}

impl PartialEq for Zone {
    /// As `reflect.DeepEqual` has it.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Zone::Utc, Zone::Utc) | (Zone::Local, Zone::Local) => true,
            (Zone::Fixed(a), Zone::Fixed(b)) => a == b,
            (Zone::Named(a), Zone::Named(b)) => a == b,
            _ => false,
        }
    }
}

impl Zone {
    pub(crate) fn fixed(name: impl Into<String>, offset: i128) -> Self {
        Zone::Fixed(Rc::new(Fixed { name: name.into(), offset }))
    }

    /// The zone of a name of the time zone database; UTC for others, as Sprig does.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "" | "UTC" => return Zone::Utc,
            "Local" => return Zone::Local,
            _ => {}
        }
        let zone = TimeZoneDatabase::bundled().get(name).ok();
        zone.filter(|zone| zone.iana_name() == Some(name)).map_or(Zone::Utc, Zone::Named)
    }

    /// Whether both are one and the same to Go, which compares where they are. It keeps one each of the zones without a
    /// name that are whole hours from UTC.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Zone::Fixed(a), Zone::Fixed(b)) => {
                let is_kept = a.name.is_empty() && a.offset % 3600 == 0 && (-12..=14).contains(&(a.offset / 3600));
                Rc::ptr_eq(a, b) || a == b && is_kept
            }
            _ => self == other,
        }
    }

    /// Seconds east of UTC at a moment.
    pub(crate) fn offset(&self, nanos: i128) -> i128 {
        self.at(nanos).0
    }

    /// Seconds east of UTC and the abbreviation at a moment.
    pub(super) fn at(&self, nanos: i128) -> (i128, String) {
        let moment = || {
            let seconds = i64::try_from(nanos.div_euclid(SECOND)).ok()?;
            jiff::Timestamp::from_second(seconds).ok()
        };
        match self {
            Zone::Fixed(fixed) => (fixed.offset, fixed.name.clone()),
            Zone::Named(zone) => match moment() {
                Some(moment) => {
                    let info = zone.to_offset_info(moment);
                    (i128::from(info.offset().seconds()), info.abbreviation().to_owned())
                }
                None => (0, "UTC".to_owned()),
            },
            Zone::Utc | Zone::Local => (0, "UTC".to_owned()),
        }
    }

    pub(super) fn go_syntax(&self) -> String {
        let name = match self {
            Zone::Utc => return "time.UTC".to_owned(),
            Zone::Local => return "time.Local".to_owned(),
            Zone::Fixed(fixed) => fixed.name.as_str(),
            Zone::Named(zone) => zone.iana_name().unwrap_or_default(),
        };
        format!("time.Location({})", go_quote(name))
    }
}
