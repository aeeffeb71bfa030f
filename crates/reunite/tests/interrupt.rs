//! Tests of what programs do at Ctrl-C. Each starts this test program once more, as the program that is interrupted.
#![cfg(all(unix, feature = "signal"))]

mod common;

use std::io::{BufRead, BufReader, Lines};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use common::watchdog;
use reunite::{ScopeBuilder, on_interrupt, sleep};

const INT: i32 = 2;
const TERM: i32 = 15;

/// A test that runs as a program of its own. Its first lines are those of the test harness.
struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(name: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", name])
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn waits_until_it_says(&mut self, text: &str) {
        let mut said = Vec::new();
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            if line == text {
                return;
            }
            said.push(line);
        }
        panic!("it never said {text:?}, but {said:?}");
    }

    fn send(&self, signal: i32) {
        let mut kill = Command::new("kill");
        kill.args([format!("-{signal}"), self.child.id().to_string()]);
        assert!(kill.status().unwrap().success());
    }

    fn end(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended, if the test passed.
        let _gone = self.child.kill();
    }
}

fn say(line: &str) {
    println!("\n{line}");
}

#[test]
#[ignore = "a program, for the tests below"]
fn cancels_its_scope() {
    let _watchdog = watchdog();
    let ended = ScopeBuilder::new().name("program").scope(|s| {
        let canceller = s.canceller();
        let _guard = on_interrupt(move || canceller.cancel("stop, please")).unwrap();
        // A task that has not started when its scope is cancelled does not start.
        let (started, wait) = std::sync::mpsc::channel();
        let task = s.spawn(move || {
            started.send(()).unwrap();
            sleep(Duration::MAX).unwrap_err().reason().to_owned()
        });
        wait.recv().unwrap();
        say("ready");
        assert_eq!(sleep(Duration::MAX).unwrap_err().reason(), "stop, please");
        reunite::shield(|| task.join()).unwrap()
    });
    say(&ended.unwrap());
}

#[test]
fn an_interrupt_cancels_the_scope_whose_tasks_end_in_order() {
    let _watchdog = watchdog();
    for signal in [INT, TERM] {
        let mut program = Program::start("cancels_its_scope");
        program.waits_until_it_says("ready");
        program.send(signal);
        program.waits_until_it_says("stop, please");
        assert!(program.end().success());
    }
}

#[test]
#[ignore = "a program, for the tests below"]
fn does_not_stop() {
    let _watchdog = watchdog();
    let (tx, rx) = std::sync::mpsc::channel();
    // Not even the action ends.
    let action = move || {
        tx.send(()).unwrap();
        loop {
            std::thread::park();
        }
    };
    let _guard = on_interrupt(action).unwrap();
    say("ready");
    rx.recv().unwrap();
    say("told");
    let _for_ever = rx.recv();
}

#[test]
fn a_second_interrupt_ends_a_program_that_does_not_stop() {
    let _watchdog = watchdog();
    let mut program = Program::start("does_not_stop");
    program.waits_until_it_says("ready");
    program.send(INT);
    program.waits_until_it_says("told");
    program.send(INT);
    assert_eq!(program.end().signal(), Some(INT));
}

#[test]
#[ignore = "a program, for the tests below"]
fn drops_its_guard() {
    let _watchdog = watchdog();
    let guard = on_interrupt(|| say("called although its guard is gone")).unwrap();
    drop(guard);
    say("ready");
    loop {
        std::thread::park();
    }
}

#[test]
fn without_a_guard_an_interrupt_ends_the_program() {
    let _watchdog = watchdog();
    let mut program = Program::start("drops_its_guard");
    program.waits_until_it_says("ready");
    program.send(INT);
    assert_eq!(
        program
            .lines
            .by_ref()
            .find(|line| line.as_ref().unwrap().contains("called"))
            .map(drop),
        None
    );
    assert_eq!(program.end().signal(), Some(INT));
}

#[test]
#[ignore = "a program, for the tests below"]
fn has_several_guards() {
    let _watchdog = watchdog();
    let (tx, rx) = std::sync::mpsc::channel();
    let sends = |text: &'static str| {
        let tx = tx.clone();
        move || tx.send(text).unwrap()
    };
    let first = on_interrupt(sends("first")).unwrap();
    let panics = on_interrupt(|| panic!("an action that panics")).unwrap();
    let second = on_interrupt(sends("second")).unwrap();
    say("ready");
    assert_eq!([rx.recv(), rx.recv()], [Ok("first"), Ok("second")]);
    let late = on_interrupt(sends("late")).unwrap();
    assert_eq!(rx.try_recv(), Ok("late"));
    drop((first, panics, second, late));
    let _new = on_interrupt(sends("new")).unwrap();
    assert!(rx.try_recv().is_err());
    say("goes on");
    assert_eq!(rx.recv(), Ok("new"));
    say("ended");
}

#[test]
fn every_guard_is_called_once_and_new_guards_make_the_program_go_on() {
    let _watchdog = watchdog();
    let mut program = Program::start("has_several_guards");
    program.waits_until_it_says("ready");
    program.send(INT);
    program.waits_until_it_says("goes on");
    program.send(INT);
    program.waits_until_it_says("ended");
    assert!(program.end().success());
}
