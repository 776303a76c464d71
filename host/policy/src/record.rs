//! stub
/// r
pub struct Record;
/// r
pub struct Replay;
/// r
pub fn replay() {}
