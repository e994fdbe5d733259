//! The programs that are started, stopped and killed, and the databases' own servers, which the driver stops for us.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How long a program may take to start.
const STARTING: Duration = Duration::from_secs(120);
/// How long one that was asked to stop may take: its own limit is 25 seconds.
const STOPPING: Duration = Duration::from_secs(45);

/// A small generator, so that a run can be repeated.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    /// Waits for any time up to so many milliseconds.
    pub async fn pause_up_to(&mut self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(self.below(milliseconds))).await;
    }
}

/// A program that may be killed at any moment and started again.
pub struct Program {
    pub binary: PathBuf,
    pub arguments: Vec<&'static str>,
    pub settings: Vec<(String, String)>,
    pub log: PathBuf,
    /// Where it says that it is there.
    pub ready: String,
    pub child: Option<Child>,
}

impl Program {
    /// Starts it and waits until it answers. It is killed when this process dies.
    pub async fn start(&mut self) -> Fallible<()> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(&self.binary).args(&self.arguments);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).envs(self.settings.iter().cloned());
        self.child = Some(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?);
        let began = Instant::now();
        while began.elapsed() < STARTING {
            if reqwest::get(&self.ready).await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(format!("{} does not start", self.log.display()).into())
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) -> Fallible<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Asks it to stop and waits for that. Returns whether it ended well and in time.
    pub async fn stop(&mut self) -> Fallible<bool> {
        let Some(child) = &mut self.child else { return Ok(false) };
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        let began = Instant::now();
        while began.elapsed() < STOPPING {
            if let Some(status) = child.try_wait()? {
                self.child = None;
                return Ok(status.success());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.kill()?;
        Ok(false)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A port below the range from which the kernel picks those of outgoing connections, so that it stays free for a restart.
pub fn free_port() -> Fallible<u16> {
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    for _ in 0..200 {
        let at = usize::try_from(std::process::id())? * 31 + TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(20_000 + at % 12_000)?;
        if is_free(&port) {
            return Ok(port);
        }
    }
    Err("no port is free".into())
}

/// PostgreSQL and Redis belong to the driver, which does with them what it reads from a pipe and answers when it is done.
pub struct Services {
    asked: PathBuf,
    answered: PathBuf,
}

impl Services {
    /// What the driver has said of its pipes; nothing on SQLite.
    pub fn found() -> Option<Self> {
        let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
        Some(Self { asked: path("SERVICES_ASKED")?, answered: path("SERVICES_ANSWERED")? })
    }

    /// Has the driver do something, and waits until it is done.
    pub async fn ask(&self, what: &'static str) -> Fallible<()> {
        let (asked, answered) = (self.asked.clone(), self.answered.clone());
        let answer = tokio::task::spawn_blocking(move || -> std::io::Result<String> {
            writeln!(std::fs::OpenOptions::new().write(true).open(asked)?, "{what}")?;
            let mut answer = String::new();
            BufReader::new(std::fs::File::open(answered)?).read_line(&mut answer)?;
            Ok(answer)
        });
        match answer.await??.trim() {
            "done" => Ok(()),
            other => Err(format!("{what}: the driver answers {other:?}").into()),
        }
    }
}
