//! The clock and dates. Reading the clock marks the rendering as volatile; local time is UTC.

use std::rc::Rc;

use super::call::wrong_type;
use super::{Call, Function};
use crate::template::Outcome;
use crate::time::{SECOND, Time, Zone, format, parse, parse_duration, print_duration};
use crate::value::{Value, decimal_int};

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
    Ok(time(clock(call), Zone::Local))
}

fn time(nanos: i128, zone: Zone) -> Value {
    Value::Time(Rc::new(Time { nanos, zone }))
}

/// A time, or a number of seconds; anything else means now.
fn moment(call: &Call<'_, '_>, at: usize) -> Outcome<i128> {
    Ok(match call.any(at)? {
        Value::Time(time) => time.nanos,
        Value::Int(seconds) | Value::Int64(seconds) => i128::from(seconds) * SECOND,
        _ => clock(call),
    })
}

/// A time and nothing else.
fn time_of(call: &Call<'_, '_>, at: usize) -> Outcome<Rc<Time>> {
    match call.any(at)? {
        Value::Time(time) => Ok(time),
        other => Err(wrong_type("time.Time", &other)),
    }
}

fn date(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::text(format(moment(call, 1)?, &call.text(0)?, &Zone::Local)))
}

fn date_in_zone(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(3)?;
    Ok(Value::text(format(moment(call, 1)?, &call.text(0)?, &Zone::named(&call.text(2)?))))
}

fn html_date(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(format(moment(call, 0)?, "2006-01-02", &Zone::Local)))
}

fn html_date_in_zone(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::text(format(moment(call, 0)?, "2006-01-02", &Zone::named(&call.text(1)?))))
}

/// The time after a duration; one that cannot be read changes nothing.
fn date_modify(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (duration, start) = (call.text(0)?, time_of(call, 1)?);
    Ok(time(start.nanos + parse_duration(&duration).map_or(0, i128::from), start.zone.clone()))
}

fn must_date_modify(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    let (duration, start) = (call.text(0)?, time_of(call, 1)?);
    Ok(time(start.nanos + i128::from(parse_duration(&duration)?), start.zone.clone()))
}

fn to_date(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Time(Rc::new(parse(&call.text(0)?, &call.text(1)?).unwrap_or(Time::ZERO))))
}

fn must_to_date(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(2)?;
    Ok(Value::Time(Rc::new(parse(&call.text(0)?, &call.text(1)?)?)))
}

fn unix_epoch(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    Ok(Value::text(time_of(call, 0)?.nanos.div_euclid(SECOND).to_string()))
}

/// `time.Since`, which ends where an `int64` does.
fn since(call: &Call<'_, '_>, then: i128) -> i64 {
    let nanos = clock(call) - then;
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// The time since then, in whole seconds.
fn ago(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let nanos = i128::from(since(call, moment(call, 0)?));
    let whole = (nanos.abs() + SECOND / 2) / SECOND * SECOND * nanos.signum();
    Ok(Value::text(print_duration(i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX }))))
}

/// A number of seconds, as `int64` or text, as Go prints a duration: `1h35m0s`. Anything else is no time at all.
fn duration(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let seconds = match call.any(0)? {
        Value::Int64(seconds) => seconds,
        Value::Text(text) => decimal_int(&text),
        _ => 0,
    };
    Ok(Value::text(print_duration(seconds.wrapping_mul(1_000_000_000))))
}

/// A duration in its largest unit alone.
fn duration_round(call: &mut Call<'_, '_>) -> Outcome<Value> {
    call.exactly(1)?;
    let nanos = match call.any(0)? {
        Value::Text(text) => parse_duration(&text).unwrap_or(0),
        Value::Int64(nanos) => nanos,
        Value::Time(then) => since(call, then.nanos),
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
    let size = i128::from(nanos).abs();
    let largest = units.iter().find(|(unit, _)| size > *unit);
    Ok(Value::text(largest.map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", size / unit))))
}
