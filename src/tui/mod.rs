//! The full-screen front end.

use crate::driver::Driver;
use crate::driver::Options;
use crate::driver::Stop;

/// Takes a ceremony to its end, or to where it stops.
pub fn ceremony(driver: Driver) -> Result<(), Stop> {
    drop(driver);
    Ok(())
}

/// The home screen.
pub fn home(options: Options) -> Result<(), Stop> {
    drop(options);
    Ok(())
}
