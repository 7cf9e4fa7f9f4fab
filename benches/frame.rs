//! How long a frame takes: the busiest screens at 200x60, from the state to the bytes for the terminal.

#[path = "../tests/it/tui/stage.rs"]
#[allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "it is a test's, which uses more of it")]
mod stage;

use std::time::Duration;
use std::time::Instant;

use keyrite::driver::Ask;
use keyrite::driver::Body;
use keyrite::tui::view;
use ratatui::Terminal;
use ratatui::TerminalOptions;
use ratatui::Viewport;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;

/// A frame may take this long.
const MARK: Duration = Duration::from_millis(2);
const FRAMES: u32 = 500;

fn main() {
    let mut stage = stage::Stage::new();
    stage.until("sign-root-targets-bo", |ask| matches!(ask, Ask::Secret(_)));
    stage.show(|prompt| {
        if let Body::Review { lines, .. } = &mut prompt.body {
            let file =
                |n| format!("  0123456789abcdef  {:>10}  updates/2026/12/package-{n:04}.tar.zst", n * 4096);
            lines.extend((0..200).map(file));
        }
    });
    stage.draw(200, 60);
    let mut slow = measure(&mut stage, "signing, 200 target files, with a QR code");

    stage.press("?");
    slow |= measure(&mut stage, "the same, below the help");
    stage.press("<esc>c");
    slow |= measure(&mut stage, "a QR code alone");
    if slow {
        eprintln!("a frame takes more than {} ms", MARK.as_secs_f64() * 1e3);
        std::process::exit(1);
    }
}

/// Draws whole frames, each on an empty terminal; `true` when the median is above the mark.
fn measure(stage: &mut stage::Stage, what: &str) -> bool {
    let mut times = Vec::new();
    for _ in 0..FRAMES {
        let mut bytes = Vec::with_capacity(1 << 17);
        let viewport = Viewport::Fixed(Rect::new(0, 0, 200, 60));
        let options = TerminalOptions { viewport };
        let mut terminal =
            Terminal::with_options(CrosstermBackend::new(&mut bytes), options).expect("memory");
        let start = Instant::now();
        terminal.draw(|frame| view::view(&stage.app, frame)).expect("memory");
        times.push(start.elapsed());
    }
    times.sort();
    let ms = |at: usize| times[at].as_secs_f64() * 1e3;
    let (median, slow) = (times.len() / 2, times.len() * 99 / 100);
    println!("{what}: median {:.3} ms, p99 {:.3} ms", ms(median), ms(slow));
    times[median] > MARK
}
