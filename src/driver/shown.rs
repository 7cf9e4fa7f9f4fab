//! A path as people know it.

use std::path::Path;

use directories::UserDirs;

/// The path, with `~/` for the home directory of who runs the program: shorter to read aloud, and a shell reads it too.
pub fn shown(path: &Path) -> String {
    let home = UserDirs::new().map(|dirs| dirs.home_dir().to_owned());
    let below = home
        .filter(|home| home.parent().is_some())
        .and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned));
    match below {
        Some(below) => format!("~/{}", below.display()),
        None => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_home_is_shown_from_there() {
        let home = UserDirs::new().unwrap().home_dir().to_owned();

        assert_eq!(shown(&home.join("ceremonies/2026")), "~/ceremonies/2026");
        assert_eq!(shown(Path::new("record")), "record");
    }
}
