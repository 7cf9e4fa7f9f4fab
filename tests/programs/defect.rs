//! A screen with a defect: any key makes it fail while the terminal is its own.

#![expect(clippy::panic, reason = "this is the defect")]

use keyrite::tui::keymap::Focus;
use keyrite::tui::run;

fn main() {
    let failed: Result<(), _> = run::with_terminal(|tty| {
        tty.next(Focus::Everything, |frame| frame.render_widget("about to fail", frame.area()))?;
        panic!("hunter2");
    });

    if let Err(stop) = failed {
        println!("{stop}");
    }
}
