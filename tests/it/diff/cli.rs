//! keyrite diff
