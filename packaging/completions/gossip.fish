# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_gossip_global_optspecs
    string join \n h/help V/version
end

function __fish_gossip_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_gossip_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_gossip_using_subcommand
    set -l cmd (__fish_gossip_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c gossip -n "__fish_gossip_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gossip -n "__fish_gossip_needs_command" -s V -l version -d 'Print version'
complete -c gossip -n "__fish_gossip_needs_command" -f -a "announce" -d 'Say something: knows by the daemon\'s own notification whether it was taken'
complete -c gossip -n "__fish_gossip_needs_command" -f -a "subscribe" -d 'Print what is said, and vouch for it or not'
complete -c gossip -n "__fish_gossip_needs_command" -f -a "bench" -d 'Measure how many messages daemons carry, and how fast'
complete -c gossip -n "__fish_gossip_needs_command" -f -a "demo" -d 'Start a small real network on this host and watch messages spread'
complete -c gossip -n "__fish_gossip_needs_command" -f -a "status" -d 'Show how a daemon is: its neighbours, modules and messages, and which limits it met'
complete -c gossip -n "__fish_gossip_needs_command" -f -a "peers" -d 'Show a daemon\'s neighbours'
complete -c gossip -n "__fish_gossip_needs_command" -f -a "top" -d 'Watch a daemon live: rates, neighbours, the latest events'
complete -c gossip -n "__fish_gossip_needs_command" -f -a "monitor" -d 'Follow what a daemon logs: neighbours that come and go, limits that are met, faults of modules'
complete -c gossip -n "__fish_gossip_using_subcommand announce" -s a -l api -d 'The daemon\'s API' -r
complete -c gossip -n "__fish_gossip_using_subcommand announce" -s t -l type -d 'The data type, 0 to 65535' -r
complete -c gossip -n "__fish_gossip_using_subcommand announce" -l ttl -d 'How many hops the messages go, 0 to 255; 1 reaches the daemon\'s neighbours, 0 is no limit' -r
complete -c gossip -n "__fish_gossip_using_subcommand announce" -l timeout -d 'How long a message may take to come back' -r
complete -c gossip -n "__fish_gossip_using_subcommand announce" -l lines -d 'Every line of standard input is a message'
complete -c gossip -n "__fish_gossip_using_subcommand announce" -l no-wait -d 'Don\'t wait for messages to come back: for daemons that don\'t notify who announced'
complete -c gossip -n "__fish_gossip_using_subcommand announce" -l json -d 'Print a summary as a JSON object on standard output'
complete -c gossip -n "__fish_gossip_using_subcommand announce" -s q -l quiet -d 'Print nothing but errors'
complete -c gossip -n "__fish_gossip_using_subcommand announce" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gossip -n "__fish_gossip_using_subcommand subscribe" -s a -l api -d 'The daemon\'s API' -r
complete -c gossip -n "__fish_gossip_using_subcommand subscribe" -s t -l type -d 'A data type to listen to, 0 to 65535; may be given several times' -r
complete -c gossip -n "__fish_gossip_using_subcommand subscribe" -l validate -d 'What to answer when the daemon asks whether a message may be spread' -r -f -a "yes\t'Vouch for every message'
no\t'Refuse every message'
ask\t'Ask the person at the terminal'
never\t'Don\'t answer: only look on'"
complete -c gossip -n "__fish_gossip_using_subcommand subscribe" -s n -l count -d 'End after so many messages' -r
complete -c gossip -n "__fish_gossip_using_subcommand subscribe" -l timeout -d 'End after so many seconds' -r
complete -c gossip -n "__fish_gossip_using_subcommand subscribe" -l json -d 'Print a JSON object a line: time, id, type, size, and the data as text or, where it isn\'t UTF-8, base64'
complete -c gossip -n "__fish_gossip_using_subcommand subscribe" -l raw -d 'Write the data alone, every byte as it is, nothing between messages'
complete -c gossip -n "__fish_gossip_using_subcommand subscribe" -s q -l quiet -d 'Print nothing but messages and errors'
complete -c gossip -n "__fish_gossip_using_subcommand subscribe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gossip -n "__fish_gossip_using_subcommand bench" -s a -l announce -d 'The API of the daemon to announce at; somebody subscribes and vouches there too' -r
complete -c gossip -n "__fish_gossip_using_subcommand bench" -s s -l subscribe -d 'The API of a daemon to listen at; may be given several times' -r
complete -c gossip -n "__fish_gossip_using_subcommand bench" -s n -l count -d 'How many messages' -r
complete -c gossip -n "__fish_gossip_using_subcommand bench" -l size -d 'Bytes of data in each, 24 to 65525' -r
complete -c gossip -n "__fish_gossip_using_subcommand bench" -l window -d 'So many may be on their way at once: numbers above the highest that the slowest listener has got' -r
complete -c gossip -n "__fish_gossip_using_subcommand bench" -l rate -d 'So many a second instead, whatever becomes of them' -r
complete -c gossip -n "__fish_gossip_using_subcommand bench" -l ttl -d 'How many hops the messages go, 0 to 255; 0 is no limit' -r
complete -c gossip -n "__fish_gossip_using_subcommand bench" -s t -l type -d 'The data type, 0 to 65535' -r
complete -c gossip -n "__fish_gossip_using_subcommand bench" -l timeout -d 'With nothing new for so long, what is missing is lost' -r
complete -c gossip -n "__fish_gossip_using_subcommand bench" -l json -d 'Print the result as a JSON object on standard output'
complete -c gossip -n "__fish_gossip_using_subcommand bench" -s q -l quiet -d 'Print no progress'
complete -c gossip -n "__fish_gossip_using_subcommand bench" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gossip -n "__fish_gossip_using_subcommand demo" -l peers -d 'How many daemons, 2 to 10' -r
complete -c gossip -n "__fish_gossip_using_subcommand demo" -s n -l count -d 'End after so many messages' -r
complete -c gossip -n "__fish_gossip_using_subcommand demo" -l every -d 'The time from one message to the next' -r
complete -c gossip -n "__fish_gossip_using_subcommand demo" -l pow-bits -d 'Zero bits that a proof of work has, 0 to 32; 24 is what real networks ask for, and takes seconds each' -r
complete -c gossip -n "__fish_gossip_using_subcommand demo" -l json -d 'Print JSON objects, a line each: the network, every message, a summary'
complete -c gossip -n "__fish_gossip_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gossip -n "__fish_gossip_using_subcommand status" -s s -l status -d 'The daemon\'s status_address' -r
complete -c gossip -n "__fish_gossip_using_subcommand status" -s c -l config -d 'Take the address from the daemon\'s ini file' -r -F
complete -c gossip -n "__fish_gossip_using_subcommand status" -l json -d 'Print everything the daemon says, as a JSON object'
complete -c gossip -n "__fish_gossip_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gossip -n "__fish_gossip_using_subcommand peers" -s s -l status -d 'The daemon\'s status_address' -r
complete -c gossip -n "__fish_gossip_using_subcommand peers" -s c -l config -d 'Take the address from the daemon\'s ini file' -r -F
complete -c gossip -n "__fish_gossip_using_subcommand peers" -l json -d 'Print a JSON object a neighbour, a line each'
complete -c gossip -n "__fish_gossip_using_subcommand peers" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gossip -n "__fish_gossip_using_subcommand top" -s s -l status -d 'The daemon\'s status_address' -r
complete -c gossip -n "__fish_gossip_using_subcommand top" -s c -l config -d 'Take the address from the daemon\'s ini file' -r -F
complete -c gossip -n "__fish_gossip_using_subcommand top" -s d -l delay -d 'Ask the daemon every so many seconds' -r
complete -c gossip -n "__fish_gossip_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c gossip -n "__fish_gossip_using_subcommand monitor" -s s -l status -d 'The daemon\'s status_address' -r
complete -c gossip -n "__fish_gossip_using_subcommand monitor" -s c -l config -d 'Take the address from the daemon\'s ini file' -r -F
complete -c gossip -n "__fish_gossip_using_subcommand monitor" -s n -l lines -d 'Begin with so many of the latest events only' -r
complete -c gossip -n "__fish_gossip_using_subcommand monitor" -l json -d 'Print a JSON object a line: number, time, level, kind, text'
complete -c gossip -n "__fish_gossip_using_subcommand monitor" -l once -d 'Print what there is and end'
complete -c gossip -n "__fish_gossip_using_subcommand monitor" -s h -l help -d 'Print help (see more with \'--help\')'
