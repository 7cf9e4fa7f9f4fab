//! How hash bins are laid out: how many, what they are called, and which one a path falls into.
//!
//! Succinct bins (TAP 15) and classic ones (PEP 458, one entry with its prefixes for each bin) share the layout:
//! bin n holds the paths whose SHA-256 begins with the n-th of equal parts, so that each style finds the same bin.

use sha2::Digest;
use sha2::Sha256;

use crate::tuf::delegations::Delegation;
use crate::tuf::delegations::Delegations;
use crate::tuf::delegations::MAX_BIT_LENGTH;
use crate::tuf::delegations::Paths;
use crate::tuf::delegations::bin_of;
use crate::tuf::fault::Fault;

/// The most bins that are authored: 2^14. Some clients stop there.
pub const MOST_BINS: u64 = 16_384;

/// A number of bins and the beginning of their names. One that exists is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    bits: u32,
    prefix: String,
}

impl Layout {
    /// `count` bins, a power of two from 2 to [`MOST_BINS`], called `PREFIX-NUMBER`.
    pub fn new(count: u64, prefix: &str) -> Result<Self, Fault> {
        if !count.is_power_of_two() || !(2..=MOST_BINS).contains(&count) {
            let text = format!("{count} bins: the number of bins is a power of two from 2 to {MOST_BINS}");
            return Err(Fault::new("BINS-COUNT", prefix, text));
        }
        if !super::rules::is_name(prefix) {
            let text = format!(
                "bins cannot be called {prefix:?}: letters, digits, dots, dashes and underscores, a letter first"
            );
            return Err(Fault::new("DELEGATION-NAME", prefix, text));
        }
        Ok(Self { bits: count.trailing_zeros(), prefix: prefix.to_owned() })
    }

    /// The bins that these delegations are, where they are nothing else: each name and its part of the paths, one keyring.
    pub fn of(delegations: &Delegations) -> Option<Self> {
        let first = delegations.roles.first()?;
        let (prefix, _) = first.name.rsplit_once('-')?;
        let layout = Self::new(delegations.roles.len() as u64, prefix).ok()?;
        let is_bin = |(number, role): (u32, &Delegation)| {
            role.name == layout.name(number)
                && role.role_keys == first.role_keys
                && match &role.paths {
                    Paths::Bin { number: bin, bits } => (*bin, *bits) == (u64::from(number), layout.bits),
                    Paths::HashPrefixes(prefixes) => *prefixes == layout.prefixes(number),
                    Paths::Patterns(_) => false,
                }
        };
        (0..).zip(&delegations.roles).all(is_bin).then_some(layout)
    }

    /// The same, where nothing but its name and its part of the paths tells a bin from the others: people read them as one.
    pub fn of_alike(delegations: &Delegations) -> Option<Self> {
        let ends = delegations.roles.first()?.terminating;
        let alike = delegations.roles.iter().all(|role| role.terminating == ends);
        Self::of(delegations).filter(|_| alike)
    }

    /// `bin-0000 to bin-3fff, 16384 bins by 14 bits of the path's SHA-256`.
    pub fn in_words(&self) -> String {
        let (first, last) = (self.name(0), self.name(self.count() - 1));
        let bits = if self.bits == 1 { "1 bit".to_owned() } else { format!("{} bits", self.bits) };
        format!("{first} to {last}, {} bins by {bits} of the path's SHA-256", self.count())
    }

    /// How many bins there are.
    pub fn count(&self) -> u32 {
        1 << self.bits
    }

    /// `bit_length` of TAP 15.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// `name_prefix` of TAP 15.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Hex digits of a number, as many as the last bin's takes.
    fn digits(&self) -> u32 {
        self.bits.div_ceil(4)
    }

    /// The name of a bin: the number in hex, as wide as the last one's.
    pub fn name(&self, number: u32) -> String {
        format!("{}-{number:0width$x}", self.prefix, width = self.digits() as usize)
    }

    /// The number of the bin that is called so.
    pub fn number(&self, name: &str) -> Option<u32> {
        let digits = name.strip_prefix(self.prefix.as_str())?.strip_prefix('-')?;
        let number = u32::from_str_radix(digits, 16).ok()?;
        (number < self.count() && self.name(number) == name).then_some(number)
    }

    /// The bin that a path falls into: one hash of the path.
    pub fn bin_of(&self, path: &str) -> u32 {
        // Never more than 14 bits.
        u32::try_from(bin_of(&Sha256::digest(path.as_bytes()), self.bits)).unwrap_or(0)
    }

    /// `path_hash_prefixes` of a bin in the classic style: 16^digits / count of them, in order.
    pub fn prefixes(&self, number: u32) -> Vec<String> {
        let width = self.digits();
        let each = (1_u32 << (4 * width)) >> self.bits;
        let first = number * each;
        (first..first + each).map(|prefix| format!("{prefix:0width$x}", width = width as usize)).collect()
    }
}

/// How many bits tell these roles apart, where they are classic bins, whatever their names: as many as succinct ones may
/// be, the n-th with the n-th part of all prefixes.
pub(super) fn classic_bits(roles: &[Delegation]) -> Option<u32> {
    let bits = roles.len().is_power_of_two().then(|| roles.len().trailing_zeros())?;
    if bits == 0 || u64::from(bits) > MAX_BIT_LENGTH {
        return None;
    }
    let layout = Layout { bits, prefix: String::new() };
    let is_bin = |(number, role): (u32, &Delegation)| matches!(&role.paths, Paths::HashPrefixes(prefixes) if *prefixes == layout.prefixes(number));
    (0..).zip(roles).all(is_bin).then_some(bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_of_bins_is_a_power_of_two() {
        for count in [0, 1, 3, 12, 16_383, 32_768, u64::MAX] {
            assert_eq!(Layout::new(count, "bin").unwrap_err().rule, "BINS-COUNT", "{count}");
        }
        for prefix in ["", "a/b", "-a", "b n"] {
            assert_eq!(Layout::new(8, prefix).unwrap_err().rule, "DELEGATION-NAME", "{prefix:?}");
        }
    }

    #[test]
    fn names_are_as_wide_as_the_last_one() {
        let name = |count, number| Layout::new(count, "bin").unwrap().name(number);

        assert_eq!(name(2, 1), "bin-1");
        assert_eq!(name(16, 15), "bin-f");
        assert_eq!(name(32, 0), "bin-00");
        assert_eq!(name(16_384, 16_383), "bin-3fff");
        let layout = Layout::new(32, "bin").unwrap();
        assert_eq!(layout.number("bin-1f"), Some(31));
        for other in ["bin-20", "bin-1F", "bin-+1", "bin-001", "bin-", "bin", "bon-01"] {
            assert_eq!(layout.number(other), None, "{other}");
        }
    }

    #[test]
    fn prefixes_of_a_bin_are_those_of_pep_458() {
        let of = |count, number| Layout::new(count, "bin").unwrap().prefixes(number);

        assert_eq!(of(16_384, 0), ["0000", "0001", "0002", "0003"]);
        assert_eq!(of(16_384, 16_383), ["fffc", "fffd", "fffe", "ffff"]);
        assert_eq!(of(16, 10), ["a"]);
        assert_eq!(of(2, 1), ["8", "9", "a", "b", "c", "d", "e", "f"]);
        assert_eq!(of(32, 31), ["f8", "f9", "fa", "fb", "fc", "fd", "fe", "ff"]);
    }

    proptest! {
        #[test]
        fn both_styles_find_the_same_one_bin(bits in 1_u32..=14, path in ".{0,12}") {
            let layout = Layout::new(1 << bits, "bin").unwrap();
            let digest = hex::encode(Sha256::digest(path.as_bytes()));

            let number = layout.bin_of(&path);

            let by_prefix: Vec<u32> = (0..layout.count())
                .filter(|n| layout.prefixes(*n).iter().any(|prefix| digest.starts_with(prefix)))
                .collect();
            prop_assert_eq!(by_prefix, [number]);
        }
    }
}
