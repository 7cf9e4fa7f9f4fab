//! Drives: found by the label of their file system, where the system has mounted them.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::ceremony::Mode;
use crate::driver::Driver;
use crate::driver::confine::MOUNTED;

/// What is known of a drive without writing to it.
pub(super) type Seen = Result<PathBuf, String>;

impl Driver {
    /// Where a drive of the plan is mounted; else what is seen instead, as one sentence.
    pub(super) fn drive_at(&self, name: &str) -> Seen {
        let Some(drive) = self.ceremony.plan().materials.drives.get(name) else {
            return Err(format!("drive {name} is not in the plan"));
        };
        let label = &drive.label.value;
        if self.ceremony.mode() == Mode::Rehearsal {
            let stand_in = self.record.dir.join("drives").join(label);
            fs::create_dir_all(&stand_in).map_err(|error| format!("{}: {error}", stand_in.display()))?;
            return Ok(stand_in);
        }
        mounted(Path::new("/"), label)
    }

    /// The label of a drive of the plan.
    pub(super) fn label_of(&self, name: &str) -> String {
        let drive = self.ceremony.plan().materials.drives.get(name);
        drive.map(|drive| drive.label.value.clone()).unwrap_or_default()
    }
}

/// One line of /proc/self/mountinfo, as far as it matters here.
struct Mount {
    at: PathBuf,
    source: String,
}

fn mounts(root: &Path) -> Vec<Mount> {
    let text = fs::read_to_string(root.join("proc/self/mountinfo")).unwrap_or_default();
    let mount = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let at = unescaped(before.split(' ').nth(4)?);
        let source = unescaped(after.split(' ').nth(1)?);
        Some(Mount { at: at.into(), source })
    };
    text.lines().filter_map(mount).collect()
}

/// Blanks, tabs, line ends and backslashes are written in octal there.
fn unescaped(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

/// Where the file system with this label is mounted: by the label that the system reads from the device, or else by a
/// mount point of that name below /media, /run/media or /mnt.
fn mounted(root: &Path, label: &str) -> Seen {
    let all = mounts(root);
    let by_label = root.join("dev/disk/by-label").join(label.replace(' ', "\\x20"));
    let device = fs::canonicalize(&by_label).ok();
    let of_device = |mount: &&Mount| device.as_ref().is_some_and(|device| Path::new(&mount.source) == device);
    let removable = |mount: &&Mount| MOUNTED.iter().any(|above| mount.at.starts_with(above));
    let named = |mount: &&Mount| removable(mount) && mount.at.file_name().is_some_and(|name| name == label);
    let mut found: Vec<&Mount> = all.iter().filter(of_device).collect();
    if device.is_none() {
        found = all.iter().filter(named).collect();
    }
    match found.as_slice() {
        [one] => Ok(one.at.clone()),
        [] if device.is_some() => Err(format!("drive {label} is plugged in and not mounted; mount it")),
        [] => {
            let others: Vec<_> =
                all.iter().filter(removable).map(|mount| mount.at.display().to_string()).collect();
            let others = if others.is_empty() {
                "no other drive is mounted".to_owned()
            } else {
                format!("what is mounted there is {}", others.join(", "))
            };
            Err(format!("no drive with the label {label} is mounted; {others}"))
        }
        _ => Err(format!("two drives have the label {label}; take one of them out")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "22 1 8:1 / / rw - ext4 /dev/sda1 rw
40 22 8:17 / /media/op/KEYRITE-A rw - vfat /dev/sdb1 rw
41 22 8:33 / /mnt rw - vfat /dev/sdc1 rw
42 22 8:49 / /media/op/two\\040words rw - vfat /dev/sdd1 rw
";

    fn machine(labels: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for dir in ["proc/self", "dev/disk/by-label"] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        fs::write(root.path().join("proc/self/mountinfo"), TABLE).unwrap();
        for (label, device) in labels {
            std::os::unix::fs::symlink(device, root.path().join("dev/disk/by-label").join(label)).unwrap();
        }
        root
    }

    #[test]
    fn a_drive_is_found_by_the_name_of_its_mount_point() {
        let root = machine(&[]);

        assert_eq!(mounted(root.path(), "KEYRITE-A").unwrap(), Path::new("/media/op/KEYRITE-A"));
        assert_eq!(mounted(root.path(), "two words").unwrap(), Path::new("/media/op/two words"));
        let missing = mounted(root.path(), "KEYRITE-B").unwrap_err();
        assert!(
            missing.contains("no drive with the label KEYRITE-B") && missing.contains("KEYRITE-A"),
            "{missing}"
        );
    }

    #[test]
    fn the_label_on_the_device_counts_more_than_the_name_of_a_directory() {
        let root = machine(&[("KEYRITE-A", "/dev/null")]);

        let seen = mounted(root.path(), "KEYRITE-A").unwrap_err();

        assert!(seen.contains("plugged in and not mounted"), "{seen}");
    }
}
