//! What charts take of the engine's bounds.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rhumb_helm::Usage;

use crate::cases::Case;
use crate::programs;

/// The most of one bound, and who takes it.
struct Row {
    name: &'static str,
    most: u64,
    default: u64,
    case: String,
}

/// Renders all cases with this engine alone and prints what they take at most of each bound. What cannot be rendered
/// counts for nothing.
pub(crate) fn print(cases: &[Case], threads: usize) {
    let (next, all) = (AtomicUsize::new(0), Mutex::new((0, rows(Usage::default(), ""))));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Ok(rendered) = programs::rendered(case) else { continue };
                    let mut all = all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    all.0 += 1;
                    for (row, new) in all.1.iter_mut().zip(rows(rendered.used, &case.title())) {
                        if new.most > row.most {
                            *row = new;
                        }
                    }
                }
            });
        }
    });
    let (done, rows) = all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!("{:16}  {:>11}  {:>11}  CASE", "LIMIT", "MAXIMUM", "DEFAULT");
    for Row { name, most, default, case } in rows {
        println!("{name:16}  {most:>11}  {default:>11}  {case}");
    }
    println!("\n{done} of {} cases rendered", cases.len());
}

fn rows(used: Usage, case: &str) -> Vec<Row> {
    let row = |(name, most, default)| Row { name, most, default, case: case.to_owned() };
    used.rows().into_iter().map(row).collect()
}
