//! `reunite serve` compared with other file servers: requests per second, and the processor time of each request.

use std::error::Error;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reunite_base::units::counted;

use crate::setting::Setting;
use crate::table::Table;

const SIZES: [(&str, usize); 4] = [
    ("1 KB", 1 << 10),
    ("10 KB", 10 << 10),
    ("100 KB", 100 << 10),
    ("10 MB", 10 << 20),
];
const CONNECTIONS: [usize; 3] = [8, 64, 256];
const ROUNDS: usize = 3;
const SECONDS: usize = 2;

/// A running server, ended when dropped.
struct Server {
    name: &'static str,
    port: u16,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM, because nginx ends its workers only then.
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        if asked.is_err() {
            let _gone = self.child.kill();
        }
        let _gone = self.child.wait();
    }
}

pub(crate) fn run(program: &Path, setting: &Setting) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let www = folder.path().join("www");
    fs::create_dir(&www)?;
    for (name, length) in SIZES {
        fs::write(www.join(file_of(name)), noise(length))?;
    }
    let servers = servers(program, folder.path(), &www)?;
    let names: Vec<_> = servers.iter().map(|server| server.name).collect();
    let wanted = std::env::var("BENCH_SIZES").ok();
    let mut table = Table::new(setting);
    for (name, _) in SIZES {
        if wanted.as_ref().is_some_and(|wanted| !wanted.contains(name)) {
            continue;
        }
        for connections in CONNECTIONS {
            let mut rates = vec![Vec::new(); servers.len()];
            let mut costs = vec![Vec::new(); servers.len()];
            // The first round is a warm-up.
            for round in 0..=ROUNDS {
                for turn in 0..servers.len() {
                    let at = (round + turn) % servers.len();
                    let (rate, cost) = load(&servers[at], &file_of(name), connections)?;
                    if round > 0 {
                        rates[at].push(rate);
                        costs[at].push(cost);
                    }
                }
            }
            let workload = format!("{name}, {}", counted(connections, "connection"));
            println!("\n{workload}");
            let each = |samples: Vec<Vec<f64>>| names.iter().copied().zip(samples);
            table.add(&format!("{workload}: requests"), "/s", each(rates));
            table.add(&format!("{workload}: processor"), "µs", each(costs));
        }
    }
    table.write("serve")
}

fn file_of(name: &str) -> String {
    format!("{}.bin", name.replace(' ', ""))
}

/// Bytes that cannot be compressed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 7u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// The servers. The others are compared with the first one.
fn servers(program: &Path, folder: &Path, www: &Path) -> Result<Vec<Server>, Box<dyn Error>> {
    let mut servers = Vec::new();
    let mut start = |name, port, mut command: Command| -> Result<(), Box<dyn Error>> {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        match command.spawn() {
            Ok(child) => {
                let server = Server { name, port, child };
                until_it_listens(port)?;
                servers.push(server);
            }
            Err(_) => println!("{name}: not installed"),
        }
        Ok(())
    };
    let port = free_port()?;
    let config = folder.join("nginx.conf");
    fs::write(&config, nginx(folder, www, port))?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&config).arg("-p").arg(folder);
    start("nginx, 2 workers", port, command)?;

    let port = free_port()?;
    let mut command = Command::new(program);
    command.arg("serve").arg(www).args(["--log", "none"]);
    command.args(["--listen", &format!("127.0.0.1:{port}")]);
    start("reunite serve", port, command)?;

    let port = free_port()?;
    let mut command = Command::new("miniserve");
    command.args(["--interfaces", "127.0.0.1", "--port", &port.to_string()]);
    command.arg(www);
    start("miniserve", port, command)?;
    Ok(servers)
}

fn nginx(folder: &Path, www: &Path, port: u16) -> String {
    let (folder, www) = (folder.display(), www.display());
    format!(
        "daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;\n\
         client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;\n\
         uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;\n\
         server {{ listen 127.0.0.1:{port}; root {www}; }} }}\n"
    )
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn until_it_listens(port: u16) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if begun.elapsed() > Duration::from_secs(10) {
            return Err(format!("no server listens on port {port}").into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Requests per second, and microseconds of the server's processor time for each.
fn load(server: &Server, file: &str, connections: usize) -> Result<(f64, f64), Box<dyn Error>> {
    let before = processor(server.child.id())?;
    let output = Command::new("wrk")
        .args(["-t2", &format!("-c{connections}"), &format!("-d{SECONDS}s")])
        .arg(format!("http://127.0.0.1:{}/{file}", server.port))
        .output()
        .map_err(|error| format!("wrk: {error}"))?;
    let used = processor(server.child.id())? - before;
    let text = String::from_utf8_lossy(&output.stdout);
    for line in text.lines() {
        if line.contains("Non-2xx") || line.contains("Socket errors") {
            println!("  {}: {}", server.name, line.trim());
        }
    }
    let number = |found: Option<&str>| found.and_then(|word| word.trim().parse::<f64>().ok());
    let rate = number(
        text.lines()
            .find_map(|line| line.strip_prefix("Requests/sec:")),
    );
    let count = text
        .lines()
        .find_map(|line| line.split_once(" requests in "));
    let count = number(count.map(|(count, _)| count));
    let (Some(rate), Some(count)) = (rate, count) else {
        return Err(format!("wrk said: {text}").into());
    };
    Ok((rate, used * 1e6 / count.max(1.0)))
}

/// The seconds of processor time of a process and its children.
fn processor(id: u32) -> Result<f64, Box<dyn Error>> {
    let ticks = |stat: &str| -> Option<(u32, u64)> {
        // After the name, which may contain any character.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some((number(1)? as u32, number(11)? + number(12)?))
    };
    let mut all = 0;
    for entry in fs::read_dir("/proc")?.flatten() {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // The process may be gone.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        if let Some((parent, ticks)) = ticks(&stat)
            && (process == id || parent == id)
        {
            all += ticks;
        }
    }
    Ok(all as f64 / rustix::param::clock_ticks_per_second() as f64)
}
