complete -c gossipd -s c -l config -d 'The ini file; its gossip section is this program\'s' -r -F
complete -c gossipd -s v -l validation-timeout -d 'How long a message waits for a module to call it valid, above 0 [the file\'s validation_timeout, else 5]' -r
complete -c gossipd -s s -l suppression-time -d 'How long a message is remembered, so that modules hear of it once; above 0 and at least -v [the file\'s suppression_time, else 60]' -r
complete -c gossipd -l log-level -d 'How much to log: off, error, warn, info, debug or trace [the file\'s log_level, else info]' -r
complete -c gossipd -l log-file -d 'Log to the end of this file as well as to standard error [the file\'s log_file]' -r -F
complete -c gossipd -l status-address -d 'Let this host look inside at this address: HTTP, on loopback only [the file\'s status_address]' -r
complete -c gossipd -l seed -d 'Draw all random numbers from this seed, 64 hexadecimal digits, to repeat a run; whoever knows it can foresee nonces [the system\'s entropy]' -r
complete -c gossipd -l record -d 'Write down everything this node is given, to be repeated by `sim replay`; the file holds the seed and all data, and is readable for its owner only' -r -F
complete -c gossipd -l record-limit -d 'The recording ends, and the daemon goes on, at so many MiB' -r
complete -c gossipd -s q -l quiet -d 'Log nothing to standard error'
complete -c gossipd -l end-with-stdin -d 'End when standard input ends, as by SIGTERM: for a daemon that shall not outlive the program that started it'
complete -c gossipd -l check -d 'Read the file, say what it would do, and open nothing; what would be a warning about the file is an error here'
complete -c gossipd -s h -l help -d 'Print help'
complete -c gossipd -s V -l version -d 'Print version'
