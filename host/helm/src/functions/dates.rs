//! The clock and dates. Reading the clock marks the rendering as volatile; local time is UTC.

use super::{Call, Function};
use crate::template::{Failure, Outcome};
use crate::time::{SECOND, Zone, format, parse, parse_duration, print_duration};
use crate::value::Value;

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "ago" => ago,
        "date" => date,
        "dateInZone" | "date_in_zone" => date_in_zone,
        "dateModify" | "date_modify" => date_modify,
        "duration" => duration,
        "durationRound" => duration_round,
        "htmlDate" => html_date,
        "htmlDateInZone" => html_date_in_zone,
        "mustDateModify" | "must_date_modify" => must_date_modify,
        "mustToDate" => must_to_date,
        "now" => now,
        "toDate" => to_date,
        "unixEpoch" => unix_epoch,
        _ => return None,
    })
}

fn clock(call: &Call<'_, '_>) -> i128 {
    i128::from(call.exec.engine.clock()) * SECOND
}

fn now(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(0)?;
    Ok(Value::Time(clock(call)))
}

/// A time, or a number of seconds; anything else means now.
fn moment(call: &Call<'_, '_>, at: usize) -> Outcome<i128> {
    Ok(match call.any(at)? {
        Value::Time(nanos) => nanos,
        Value::Int(seconds) | Value::Int64(seconds) => i128::from(seconds) * SECOND,
        _ => clock(call),
    })
}

/// A time and nothing else.
fn time(call: &Call<'_, '_>, at: usize) -> Outcome<i128> {
    match call.any(at)? {
        Value::Time(nanos) => Ok(nanos),
        other => {
            let got = other.type_name();
            Err(Failure::new(format!("wrong type for value; expected time.Time; got {got}")))
        }
    }
}

fn date(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::text(format(moment(call, 1)?, &call.text(0)?, &Zone::UTC)))
}

fn date_in_zone(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    Ok(Value::text(format(moment(call, 1)?, &call.text(0)?, &Zone::named(&call.text(2)?))))
}

fn html_date(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(format(moment(call, 0)?, "2006-01-02", &Zone::UTC)))
}

fn html_date_in_zone(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::text(format(moment(call, 0)?, "2006-01-02", &Zone::named(&call.text(1)?))))
}

/// The time after a duration; one that cannot be read changes nothing.
fn date_modify(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (duration, time) = (call.text(0)?, time(call, 1)?);
    Ok(Value::Time(time + parse_duration(&duration).map_or(0, i128::from)))
}

fn must_date_modify(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (duration, time) = (call.text(0)?, time(call, 1)?);
    Ok(Value::Time(time + i128::from(parse_duration(&duration)?)))
}

/// Go's time before all others, which Sprig gives for a text that is no date.
const ZERO: i128 = -62_135_596_800 * SECOND;

fn to_date(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Time(parse(&call.text(0)?, &call.text(1)?).unwrap_or(ZERO)))
}

fn must_to_date(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Time(parse(&call.text(0)?, &call.text(1)?)?))
}

fn unix_epoch(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(time(call, 0)?.div_euclid(SECOND).to_string()))
}

/// The time since then, in whole seconds.
fn ago(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let then = moment(call, 0)?;
    Ok(Value::text(print_duration((clock(call) - then + SECOND / 2).div_euclid(SECOND))))
}

/// A number of seconds, as `int64` or text, as Go prints a duration: `1h35m0s`. Anything else is no time at all.
fn duration(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let seconds = match call.any(0)? {
        Value::Int64(seconds) => seconds,
        Value::Text(text) => text.strip_prefix('+').unwrap_or(&text).parse().unwrap_or(0),
        _ => 0,
    };
    Ok(Value::text(print_duration(i128::from(seconds))))
}

/// A duration in its largest unit alone.
fn duration_round(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let nanos = match call.any(0)? {
        Value::Text(text) => i128::from(parse_duration(&text).unwrap_or(0)),
        Value::Int64(nanos) => i128::from(nanos),
        Value::Time(then) => clock(call) - then,
        _ => 0,
    };
    const HOUR: i128 = 3600 * SECOND;
    let units = [
        (HOUR * 24 * 365, "y"),
        (HOUR * 24 * 30, "mo"),
        (HOUR * 24, "d"),
        (HOUR, "h"),
        (60 * SECOND, "m"),
        (SECOND, "s"),
    ];
    let size = nanos.abs();
    let largest = units.iter().find(|(unit, _)| size > *unit);
    Ok(Value::text(largest.map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", size / unit))))
}
