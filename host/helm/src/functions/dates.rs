//! The clock and dates, in UTC. Reading the clock marks the result as volatile; other time zones are not in yet.

use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::value::{Value, to_int};

const SECOND: i128 = 1_000_000_000;

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "date" => date,
        "dateInZone" | "date_in_zone" => date_in_zone,
        "duration" => duration,
        "htmlDate" => html_date,
        "now" => now,
        "unixEpoch" => unix_epoch,
        _ => return None,
    })
}

fn clock(call: &Call<'_, '_>) -> i128 {
    call.exec.engine.volatile.set(true);
    i128::from(call.exec.engine.entropy.now) * SECOND
}

fn now(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(0)?;
    Ok(Value::Time(clock(call)))
}

/// A time, or a number of seconds; anything else means now.
fn moment(call: &Call<'_, '_>, at: usize) -> Outcome<i128> {
    Ok(match call.any(at)? {
        Value::Time(nanos) => nanos,
        seconds @ (Value::Int(_) | Value::Int64(_)) => i128::from(to_int(&seconds)) * SECOND,
        _ => clock(call),
    })
}

fn date(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::text(format_time(moment(call, 1)?, &call.text(0)?)))
}

fn date_in_zone(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    let zone = call.text(2)?;
    if !matches!(&*zone, "UTC" | "" | "Etc/UTC" | "GMT") {
        return Err(Failure::new(format!("the time zone `{zone}` is not in yet")));
    }
    Ok(Value::text(format_time(moment(call, 1)?, &call.text(0)?)))
}

fn html_date(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(format_time(moment(call, 0)?, "2006-01-02")))
}

fn unix_epoch(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(moment(call, 0)?.div_euclid(SECOND).to_string()))
}

/// A number of seconds, as `int64` or text, as Go prints a duration: `1h35m0s`. Anything else is no time at all.
fn duration(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let seconds = match call.any(0)? {
        value @ (Value::Int64(_) | Value::Text(_)) => to_int(&value),
        _ => 0,
    };
    let (sign, size) = (if seconds < 0 { "-" } else { "" }, seconds.unsigned_abs());
    let (hours, minutes, rest) = (size / 3600, size / 60 % 60, size % 60);
    Ok(Value::text(match (hours, minutes) {
        (0, 0) => format!("{sign}{rest}s"),
        (0, _) => format!("{sign}{minutes}m{rest}s"),
        _ => format!("{sign}{hours}h{minutes}m{rest}s"),
    }))
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Go's `Time.Format` in UTC.
pub(crate) fn format_time(nanos: i128, layout: &str) -> String {
    let seconds = nanos.div_euclid(SECOND);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let name = |names: &[&'static str], at: i128| {
        usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
    };
    let (month_name, day_name) = (name(&MONTHS, month - 1), name(&DAYS, (days + 4).rem_euclid(7)));
    let short = |name: &str| name.get(..3).unwrap_or_default().to_owned();
    let twelve = (hour + 11) % 12 + 1;
    // Longer forms stand before those that they begin with.
    let forms: [(&str, String); 24] = [
        ("January", month_name.to_owned()),
        ("Jan", short(month_name)),
        ("Monday", day_name.to_owned()),
        ("Mon", short(day_name)),
        ("MST", "UTC".to_owned()),
        ("2006", format!("{year:04}")),
        ("-07:00", "+00:00".to_owned()),
        ("-0700", "+0000".to_owned()),
        ("-07", "+00".to_owned()),
        ("Z07:00", "Z".to_owned()),
        ("Z0700", "Z".to_owned()),
        ("01", format!("{month:02}")),
        ("02", format!("{day:02}")),
        ("03", format!("{twelve:02}")),
        ("04", format!("{minute:02}")),
        ("05", format!("{second:02}")),
        ("06", format!("{:02}", year.rem_euclid(100))),
        ("15", format!("{hour:02}")),
        ("PM", if hour < 12 { "AM" } else { "PM" }.to_owned()),
        ("pm", if hour < 12 { "am" } else { "pm" }.to_owned()),
        ("_2", format!("{day:2}")),
        ("1", month.to_string()),
        ("2", day.to_string()),
        ("3", twelve.to_string()),
    ];
    let mut out = String::new();
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        let form = forms.iter().find(|(form, _)| rest.starts_with(form));
        let single = [("4", minute), ("5", second)].into_iter().find(|(form, _)| rest.starts_with(form));
        let length = match (form, single) {
            (Some((form, text)), _) => {
                out.push_str(text);
                form.len()
            }
            (None, Some((form, number))) => {
                out.push_str(&number.to_string());
                form.len()
            }
            _ => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// Year, month and day of a count of days since 1970-01-01 (Howard Hinnant's `civil_from_days`).
pub(crate) fn civil(days: i128) -> (i128, i128, i128) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i128::from(month <= 2), month, day)
}
