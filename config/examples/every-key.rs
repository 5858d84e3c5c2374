//! Prints `config/every-key.ini` as the table of keys has it.

fn main() {
    print!("{}", gossip_config::every_key_ini());
}
