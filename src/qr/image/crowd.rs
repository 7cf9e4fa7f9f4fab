//! Whether a picture holds so many corners of codes that reading it would not end.
//!
//! The reader of codes tries corners with each other, and each try costs it a copy of the picture: a picture of a
//! few kilobytes can be made that is read for hours. So corners are counted first, as the reader finds them: five runs of
//! a line in the ratio 1:1:3:1:1 whose ends belong to one dark area. The count may be too high, and is never too low.

/// Corners to the third power, times pixels: below it lies a page of twelve codes from a large scanner.
const MOST: u128 = 1 << 43;

const LIGHT: u8 = 0;
const DARK: u8 = 1;
/// A dark area that was looked at.
const SEEN: u8 = 2;
/// One that is a corner.
const COUNTED: u8 = 3;

/// Whether it is one: `dark` says of each pixel, line by line, whether it is dark.
pub(super) fn is_one(dark: impl Iterator<Item = bool>, width: usize) -> bool {
    let mut areas = Areas { pixels: dark.map(u8::from).collect(), width };
    let pixels = areas.pixels.len() as u128;
    let mut corners = 0_u128;
    for line in (0..areas.pixels.len()).step_by(width.max(1)) {
        let mut ends = [line; 6];
        for at in line + 1..=line + width {
            let before = areas.pixels[at - 1] == LIGHT;
            let now = at == line + width || areas.pixels[at] == LIGHT;
            if now == before && at < line + width {
                continue;
            }
            ends.rotate_left(1);
            ends[5] = at;
            if !before && is_corner(ends) && areas.count(ends[0], ends[4]) {
                corners += 1;
                if corners.pow(3) * pixels > MOST {
                    return true;
                }
            }
        }
    }
    false
}

/// The ratio 1:1:3:1:1 of the runs between these ends, as the reader takes it.
fn is_corner(ends: [usize; 6]) -> bool {
    let run = |n: usize| ends[n + 1] - ends[n];
    let average = (run(0) + run(1) + run(3) + run(4)) / 4;
    let error = average * 3 / 4;
    [1, 1, 3, 1, 1].iter().enumerate().all(|(n, share)| run(n).abs_diff(share * average) <= error)
        && run(0) > 0
}

/// The pixels, and what is known of each.
struct Areas {
    pixels: Vec<u8>,
    width: usize,
}

impl Areas {
    /// Whether two places are in one dark area, which is told once.
    fn count(&mut self, left: usize, right: usize) -> bool {
        if self.pixels[left] == DARK {
            self.paint(left, DARK, SEEN);
        }
        let one = self.pixels[left] == SEEN && self.pixels[right] == SEEN;
        if one {
            self.paint(left, SEEN, COUNTED);
        }
        one
    }

    /// Gives the whole area of a place another value.
    fn paint(&mut self, at: usize, from: u8, to: u8) {
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            if self.pixels[at] != from {
                continue;
            }
            let line = at - at % self.width;
            let is = |place: &usize| self.pixels[*place] == from;
            let start = (line..at).rev().take_while(is).last().unwrap_or(at);
            let end = (at..line + self.width).take_while(is).last().unwrap_or(at) + 1;
            self.pixels[start..end].fill(to);
            let above = start.checked_sub(self.width).map(|above| above..above + (end - start));
            let below =
                Some(start + self.width..end + self.width).filter(|line| line.end <= self.pixels.len());
            for line in above.into_iter().chain(below) {
                let begins = |place: &usize| {
                    self.pixels[*place] == from && (*place == line.start || self.pixels[place - 1] != from)
                };
                open.extend(line.clone().filter(begins));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORNER: [&str; 7] = ["#######", "#     #", "# ### #", "# ### #", "# ### #", "#     #", "#######"];

    /// A sheet of `side` times `side` corners.
    fn sheet(side: usize) -> (Vec<bool>, usize) {
        let width = side * 9 + 2;
        let dark = |x: usize, y: usize| {
            let (x, y) = (x.wrapping_sub(2), y.wrapping_sub(2));
            x % 9 < 7 && y % 9 < 7 && x / 9 < side && y / 9 < side && CORNER[y % 9].as_bytes()[x % 9] == b'#'
        };
        ((0..width * width).map(|at| dark(at % width, at / width)).collect(), width)
    }

    #[test]
    fn a_sheet_of_thousands_of_corners_is_one_and_a_page_of_codes_is_none() {
        for (side, crowd) in [(1, false), (6, false), (14, false), (30, true), (60, true)] {
            let (dark, width) = sheet(side);

            assert_eq!(is_one(dark.into_iter(), width), crowd, "{side}");
        }
    }

    #[test]
    fn every_corner_is_counted_once() {
        let (dark, width) = sheet(5);
        let mut areas = Areas { pixels: dark.into_iter().map(u8::from).collect(), width };

        let corners = (0..width * width - 7)
            .filter(|at| {
                let run = |from: usize, to: usize, dark: bool| {
                    areas.pixels[at + from..at + to].iter().all(|pixel| (*pixel != LIGHT) == dark)
                };
                at % width + 7 <= width
                    && run(0, 1, true)
                    && run(1, 2, false)
                    && run(2, 5, true)
                    && run(5, 6, false)
                    && run(6, 7, true)
                    && areas.count(*at, at + 6)
            })
            .count();

        assert_eq!(corners, 25);
    }
}
