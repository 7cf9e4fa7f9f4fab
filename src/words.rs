//! Digests as people read them aloud: the PGP word list, 8 rows of 4.
