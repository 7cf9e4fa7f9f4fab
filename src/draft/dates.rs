//! How long what is signed shall hold.

use crate::draft::Request;
use crate::plan::Kind;
use crate::tuf::Date;
use crate::tuf::repository::RoleFile;

/// Days that a root is valid where nothing tells.
const YEAR: i64 = 365;
/// Fewer days are no rhythm that anybody meant.
const FEWEST: i64 = 60;

/// Midnight, so many days on.
pub(super) fn days_on(now: Date, days: i64) -> Date {
    let midnight = now.unix().div_euclid(86_400).saturating_mul(86_400);
    Date::from_unix(midnight.saturating_add(days.saturating_mul(86_400)))
}

/// New dates: root, where there is a new one, for as long again as the last one was, never for less than it is now; and
/// the others for a year, but never beyond root.
pub(super) fn expires(request: &Request<'_>, makes_root: bool) -> (Date, Date) {
    let date = |file: &RoleFile| file.metadata.expires();
    let roots = &request.repository.roots;
    let before = roots.len().checked_sub(2).and_then(|at| roots.get(at)).and_then(date);
    let newest = request.repository.root.expires;
    let period =
        before.map(|before| newest.days_since(before)).filter(|days| (FEWEST..=3_650).contains(days));
    let root = days_on(request.now, period.unwrap_or(YEAR));
    let root = match request.kind {
        // Nothing else changes in a renewal.
        Kind::RootRenewal if root <= newest => days_on(newest, period.unwrap_or(YEAR)),
        _ => root.max(newest),
    };
    let limit = if makes_root { root } else { newest };
    let year = days_on(request.now, YEAR);
    (root, if limit > days_on(request.now, FEWEST) { year.min(limit) } else { year })
}
