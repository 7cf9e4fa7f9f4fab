//! Merkle trees of RFC 6962: one root for every number of leaves.

use sha2::Digest as _;
use sha2::Sha256;

use crate::words::Digest;

/// The hash of a leaf.
pub fn leaf(bytes: &[u8]) -> Digest {
    // A line may have a million files in it: it is not copied.
    Digest(Sha256::new().chain_update([0]).chain_update(bytes).finalize().into())
}

fn node(left: Digest, right: Digest) -> Digest {
    Digest::of(&[&[1], &left.0[..], &right.0].concat())
}

/// The root over the first leaf, over the first two, and so on.
pub fn roots(leaves: impl Iterator<Item = Digest>) -> Vec<Digest> {
    // Whole subtrees with how many leaves each has, the largest first: what a longer tree still needs of the leaves.
    let mut whole: Vec<(usize, Digest)> = Vec::new();
    let mut roots = Vec::new();
    for leaf in leaves {
        let mut last = (1, leaf);
        while let Some((size, left)) = whole.pop_if(|(size, _)| *size == last.0) {
            last = (2 * size, node(left, last.1));
        }
        whole.push(last);
        let mut subtrees = whole.iter().rev().map(|(_, hash)| *hash);
        roots.extend(subtrees.next().map(|first| subtrees.fold(first, |right, left| node(left, right))));
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves and roots that the Certificate Transparency project published with its own trees.
    #[test]
    fn the_roots_are_those_of_certificate_transparency() {
        let leaves = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let leaves = leaves.map(|bytes| leaf(&hex::decode(bytes).unwrap()));

        let roots: Vec<_> = roots(leaves.into_iter()).iter().map(Digest::hex).collect();

        assert_eq!(
            roots,
            [
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
            ]
        );
    }
}
