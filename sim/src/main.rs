//! sim
use gossip_sim::{explore, run};
use std::sync::atomic::{AtomicU64, Ordering};
fn main() {
    let args: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let next = AtomicU64::new(args[0]);
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= args[1] {
                        break;
                    }
                    let t = std::time::Instant::now();
                    let r = std::panic::catch_unwind(|| run::run(explore::draw(seed), seed, true, |_, _| {}));
                    match r {
                        Err(_) => println!("seed {seed}: PANIC"),
                        Ok(o) if !o.is_good() => println!(
                            "seed {seed}: t={} n={} {:?} missed {:?} overlay {:?} fault {:?}",
                            o.simulated, o.overlay.peers, o.violations, o.missed, o.overlay, o.stats.last_fault
                        ),
                        Ok(o) => println!(
                            "seed {seed} ok events {} took {:?} expected {} missed {}",
                            o.stats.events,
                            t.elapsed(),
                            o.stats.expected,
                            o.stats.missed
                        ),
                    }
                }
            });
        }
    });
}
