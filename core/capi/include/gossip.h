/*
 * gossip-core for C: a gossip node as a state machine, and the codec of the gossip API.
 *
 * Made by cbindgen from core/capi/src; `GOSSIP_RENEW=1 cargo test -p gossip-capi` renews it. How to run a node is on the
 * front page of gossip-core's documentation (`cargo doc --open -p gossip-core`); examples/two_nodes.c is a whole program.
 *
 * No function prints, blocks, opens anything or keeps a pointer that it is given. A node or deframer is for one thread at
 * a time. Sizes are bytes, times microseconds from wherever the caller counts, ports and types in the host's byte order.
 */

#ifndef GOSSIP_H
#define GOSSIP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/*
 Done.
 */
#define GOSSIP_OK 0

/*
 There was something: an action, a message, a deadline.
 */
#define GOSSIP_SOME 1

/*
 The caller's mistake: a null pointer, or a number out of range. Nothing has changed.
 */
#define GOSSIP_MISUSE -1

/*
 A mistake of this library: the handle can only be freed.
 */
#define GOSSIP_BROKEN -2

/*
 What came is not the gossip protocol's: the stream makes no sense any more.
 */
#define GOSSIP_LOST -3

/*
 A connection came in on `api_address`.
 */
#define GOSSIP_LISTENER_API 0

/*
 A connection came in on `p2p_address`.
 */
#define GOSSIP_LISTENER_P2P 1

/*
 Nobody listens there.
 */
#define GOSSIP_DIAL_REFUSED 0

/*
 No answer from the other end or the way there.
 */
#define GOSSIP_DIAL_UNREACHABLE 1

/*
 This host could not: says nothing about the peer.
 */
#define GOSSIP_DIAL_LOCAL 2

/*
 Of `pow_bits`: the hash begins with the text 000 (`pow_scheme = ascii-zeros`).
 */
#define GOSSIP_POW_ASCII_ZEROS 255

/*
 What an action asks for; in brackets the fields of `GossipAction` that it uses beside `connection`.
 */
typedef enum GossipActionKind {
    /*
     Open a TCP connection (`address`, `local`); answer with `gossip_node_dial_succeeded` or `_failed`.
     */
    GossipActionKind_Dial,
    /*
     Queue these bytes, a whole frame, in one write where it fits (`bytes`, `len`); tell what left the queue with
     `gossip_node_written`.
     */
    GossipActionKind_Send,
    /*
     Close; first write what is queued, if `flush`. The last word about this connection.
     */
    GossipActionKind_Close,
    /*
     Read no more until `ResumeReading`.
     */
    GossipActionKind_StopReading,
    /*
     Read again.
     */
    GossipActionKind_ResumeReading,
    /*
     Look for a proof of work off the loop (`nonce`, `pow_bits`, `start`): `gossip_solve`, then `gossip_node_solved`.
     */
    GossipActionKind_Solve,
    /*
     That proof is not wanted any more.
     */
    GossipActionKind_CancelSolve,
    /*
     Look a host's name up (`query`, `text`, `port`); answer with `gossip_node_resolved`. No connection.
     */
    GossipActionKind_Resolve,
    /*
     Something for the log (`level`, `text`). No connection.
     */
    GossipActionKind_Note,
} GossipActionKind;

/*
 The receiving end of one connection of the gossip API.
 */
typedef struct GossipDeframer GossipDeframer;

/*
 One gossip node.
 */
typedef struct GossipNode GossipNode;

/*
 A message of the gossip API. Fields that its type does not use are zero.
 */
typedef struct GossipMessage {
    /*
     500 ANNOUNCE, 501 NOTIFY, 502 NOTIFICATION, 503 VALIDATION; any other: not the API's, without fields.
     */
    uint16_t kind;
    /*
     Was its body of the wrong length? Then it has no other fields.
     */
    bool malformed;
    /*
     Of ANNOUNCE: how many hops; 0 is no limit.
     */
    uint8_t ttl;
    /*
     Of NOTIFICATION and VALIDATION: which message.
     */
    uint16_t id;
    /*
     Of all but VALIDATION.
     */
    uint16_t data_type;
    /*
     Of VALIDATION: may it be spread?
     */
    bool valid;
    /*
     Of ANNOUNCE and NOTIFICATION; until the next call with this deframer.
     */
    const uint8_t *data;
    /*
     How many bytes.
     */
    size_t data_len;
} GossipMessage;

/*
 An address and a port.
 */
typedef struct GossipAddress {
    /*
     4 or 6; 0 is no address.
     */
    uint8_t family;
    /*
     In the order of the wire; of IPv4 the first four.
     */
    uint8_t ip[16];
    /*
     In the host's byte order.
     */
    uint16_t port;
} GossipAddress;

/*
 Something to do. Fields that its kind does not use are zero.
 */
typedef struct GossipAction {
    /*
     What.
     */
    enum GossipActionKind kind;
    /*
     On which connection.
     */
    uint64_t connection;
    /*
     Where to.
     */
    struct GossipAddress address;
    /*
     The local IP to bind to, any port; family 0: the system's choice.
     */
    struct GossipAddress local;
    /*
     Is what is queued written first?
     */
    bool flush;
    /*
     Until the next call with this node.
     */
    const uint8_t *bytes;
    /*
     How many.
     */
    size_t len;
    /*
     What the proof is for.
     */
    uint64_t nonce;
    /*
     Zero bits that the hash begins with, or `GOSSIP_POW_ASCII_ZEROS`.
     */
    uint8_t pow_bits;
    /*
     The first challenge to try.
     */
    uint64_t start;
    /*
     Comes back with the answer.
     */
    uint64_t query;
    /*
     The port that the answer's addresses shall have.
     */
    uint16_t port;
    /*
     Of a note: 0 warning, 1 information, 2 debug.
     */
    uint8_t level;
    /*
     A name or a note, UTF-8, ends with NUL; until the next call with this node.
     */
    const char *text;
} GossipAction;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Writes a message as a frame. Returns its size; with less `room` than that, nothing is written. 0: `message` is null or
 has a type or more data (65,525 bytes) than can be sent.

 # Safety

 `message` is null or a message whose data can be read; `room` bytes can be written at `frame`.
 */
size_t gossip_encode(const struct GossipMessage *message,
                     uint8_t *frame,
                     size_t room);

/*
 Makes one.
 */
struct GossipDeframer *gossip_deframer_new(void);

/*
 Frees one; null is none.

 # Safety

 `deframer` came from `gossip_deframer_new` and is not used any more.
 */
void gossip_deframer_free(struct GossipDeframer *deframer);

/*
 Takes the next message off the front of `*len` bytes at `*bytes`, and moves both past what it took: `GOSSIP_SOME` with
 the message; `GOSSIP_OK` when the bytes are used up; `GOSSIP_LOST` when they are not the gossip protocol's.

 # Safety

 `deframer` is null or a deframer; `bytes`, `len` and `message` are null or can be read and written, and `*len` bytes
 can be read at `*bytes`.
 */
int gossip_deframer_next(struct GossipDeframer *deframer,
                         const uint8_t **bytes,
                         size_t *len,
                         struct GossipMessage *message);

/*
 Makes a node from the text of an ini file with a `[gossip]` section, NUL at its end. `p2p_address` has to be where the
 node really listens, ports included.

 `seed` is 32 secret bytes, random and new for each node. On failure the result is null, and as much of the reason as
 fits is in `error` (NUL at its end), unless that is null.

 # Safety

 `ini` ends with NUL; `seed` has 32 bytes; `error`, unless null, has room for `error_room` bytes.
 */
struct GossipNode *gossip_node_new(const char *ini,
                                   const uint8_t *seed,
                                   uint64_t now,
                                   char *error,
                                   size_t error_room);

/*
 Frees a node; null is none.

 # Safety

 `node` came from `gossip_node_new` and is not used any more.
 */
void gossip_node_free(struct GossipNode *node);

/*
 The next thing to do: `GOSSIP_SOME` with it in `action`, `GOSSIP_OK` if there is nothing more. To be called after
 every event until there is nothing more; what it points to lasts until the next call.

 # Safety

 `node` is null or a node; `action` is null or can be written.
 */
int gossip_node_next_action(struct GossipNode *node,
                            struct GossipAction *action);

/*
 When `gossip_node_timer` is to be called: `GOSSIP_SOME` with the time in `at`, `GOSSIP_OK` if not at all.

 # Safety

 `node` is null or a node; `at` is null or can be written.
 */
int gossip_node_deadline(struct GossipNode *node,
                         uint64_t *at);

/*
 A connection was accepted. Its name is a number that was never used before, below 2^63; those of dialed connections
 are above.

 # Safety

 `node` is null or a node.
 */
int gossip_node_accepted(struct GossipNode *node,
                         uint64_t now,
                         uint64_t connection,
                         uint8_t listener,
                         struct GossipAddress remote);

/*
 A connection that was to be dialed stands.

 # Safety

 `node` is null or a node.
 */
int gossip_node_dial_succeeded(struct GossipNode *node, uint64_t now, uint64_t connection);

/*
 A connection that was to be dialed does not come about: `GOSSIP_DIAL_REFUSED`, `_UNREACHABLE` or `_LOCAL`.

 # Safety

 `node` is null or a node.
 */
int gossip_node_dial_failed(struct GossipNode *node,
                            uint64_t now,
                            uint64_t connection,
                            uint8_t why);

/*
 Bytes came in, in order, cut anywhere.

 # Safety

 `node` is null or a node; `len` bytes can be read at `bytes`.
 */
int gossip_node_received(struct GossipNode *node,
                         uint64_t now,
                         uint64_t connection,
                         const uint8_t *bytes,
                         size_t len);

/*
 The other end will send no more.

 # Safety

 `node` is null or a node.
 */
int gossip_node_read_closed(struct GossipNode *node, uint64_t now, uint64_t connection);

/*
 The connection is gone. Not for one that the node closed.

 # Safety

 `node` is null or a node.
 */
int gossip_node_closed(struct GossipNode *node, uint64_t now, uint64_t connection);

/*
 So many bytes have left the queue since the last such call.

 # Safety

 `node` is null or a node.
 */
int gossip_node_written(struct GossipNode *node, uint64_t now, uint64_t connection, uint64_t bytes);

/*
 The deadline was reached.

 # Safety

 `node` is null or a node.
 */
int gossip_node_timer(struct GossipNode *node, uint64_t now);

/*
 A proof of work was found.

 # Safety

 `node` is null or a node.
 */
int gossip_node_solved(struct GossipNode *node,
                       uint64_t now,
                       uint64_t connection,
                       uint64_t challenge);

/*
 A name was looked up: its addresses, with the port that was asked for; none if it has none.

 # Safety

 `node` is null or a node; `count` addresses can be read at `addresses`.
 */
int gossip_node_resolved(struct GossipNode *node,
                         uint64_t now,
                         uint64_t query,
                         const struct GossipAddress *addresses,
                         size_t count);

/*
 The node shall end: carry out what it brings, let the queues drain, and free it.

 # Safety

 `node` is null or a node.
 */
int gossip_node_shutdown(struct GossipNode *node, uint64_t now);

/*
 Looks for a proof of work among `tries` challenges from `start` on: `GOSSIP_SOME` with it in `challenge`, or
 `GOSSIP_OK`. Takes as long as `tries` is large; any thread may call it.

 # Safety

 `challenge` is null or can be written.
 */
int gossip_solve(uint64_t nonce,
                 uint8_t pow_bits,
                 uint64_t start,
                 uint64_t tries,
                 uint64_t *challenge);

/*
 Makes a node from the text of an ini file with a `[gossip]` section, NUL at its end. `p2p_address` has to be where the
 node really listens, ports included.

 `seed` is 32 secret bytes, random and new for each node. On failure the result is null, and as much of the reason as
 fits is in `error` (NUL at its end), unless that is null.

 # Safety

 `ini` ends with NUL; `seed` has 32 bytes; `error`, unless null, has room for `error_room` bytes.
 */
struct GossipNode *gossip_node_new(const char *ini,
                                   const uint8_t *seed,
                                   uint64_t now,
                                   char *error,
                                   size_t error_room);

/*
 Frees a node; null is none.

 # Safety

 `node` came from `gossip_node_new` and is not used any more.
 */
void gossip_node_free(struct GossipNode *node);

/*
 The next thing to do: `GOSSIP_SOME` with it in `action`, `GOSSIP_OK` if there is nothing more. To be called after
 every event until there is nothing more; what it points to lasts until the next call.

 # Safety

 `node` is null or a node; `action` is null or can be written.
 */
int gossip_node_next_action(struct GossipNode *node,
                            struct GossipAction *action);

/*
 When `gossip_node_timer` is to be called: `GOSSIP_SOME` with the time in `at`, `GOSSIP_OK` if not at all.

 # Safety

 `node` is null or a node; `at` is null or can be written.
 */
int gossip_node_deadline(struct GossipNode *node,
                         uint64_t *at);

/*
 A connection was accepted. Its name is a number that was never used before, below 2^63; those of dialed connections
 are above.

 # Safety

 `node` is null or a node.
 */
int gossip_node_accepted(struct GossipNode *node,
                         uint64_t now,
                         uint64_t connection,
                         uint8_t listener,
                         struct GossipAddress remote);

/*
 A connection that was to be dialed stands.

 # Safety

 `node` is null or a node.
 */
int gossip_node_dial_succeeded(struct GossipNode *node, uint64_t now, uint64_t connection);

/*
 A connection that was to be dialed does not come about: `GOSSIP_DIAL_REFUSED`, `_UNREACHABLE` or `_LOCAL`.

 # Safety

 `node` is null or a node.
 */
int gossip_node_dial_failed(struct GossipNode *node,
                            uint64_t now,
                            uint64_t connection,
                            uint8_t why);

/*
 Bytes came in, in order, cut anywhere.

 # Safety

 `node` is null or a node; `len` bytes can be read at `bytes`.
 */
int gossip_node_received(struct GossipNode *node,
                         uint64_t now,
                         uint64_t connection,
                         const uint8_t *bytes,
                         size_t len);

/*
 The other end will send no more.

 # Safety

 `node` is null or a node.
 */
int gossip_node_read_closed(struct GossipNode *node, uint64_t now, uint64_t connection);

/*
 The connection is gone. Not for one that the node closed.

 # Safety

 `node` is null or a node.
 */
int gossip_node_closed(struct GossipNode *node, uint64_t now, uint64_t connection);

/*
 So many bytes have left the queue since the last such call.

 # Safety

 `node` is null or a node.
 */
int gossip_node_written(struct GossipNode *node, uint64_t now, uint64_t connection, uint64_t bytes);

/*
 The deadline was reached.

 # Safety

 `node` is null or a node.
 */
int gossip_node_timer(struct GossipNode *node, uint64_t now);

/*
 A proof of work was found.

 # Safety

 `node` is null or a node.
 */
int gossip_node_solved(struct GossipNode *node,
                       uint64_t now,
                       uint64_t connection,
                       uint64_t challenge);

/*
 A name was looked up: its addresses, with the port that was asked for; none if it has none.

 # Safety

 `node` is null or a node; `count` addresses can be read at `addresses`.
 */
int gossip_node_resolved(struct GossipNode *node,
                         uint64_t now,
                         uint64_t query,
                         const struct GossipAddress *addresses,
                         size_t count);

/*
 The node shall end: carry out what it brings, let the queues drain, and free it.

 # Safety

 `node` is null or a node.
 */
int gossip_node_shutdown(struct GossipNode *node, uint64_t now);

/*
 Looks for a proof of work among `tries` challenges from `start` on: `GOSSIP_SOME` with it in `challenge`, or
 `GOSSIP_OK`. Takes as long as `tries` is large; any thread may call it.

 # Safety

 `challenge` is null or can be written.
 */
int gossip_solve(uint64_t nonce,
                 uint8_t pow_bits,
                 uint64_t start,
                 uint64_t tries,
                 uint64_t *challenge);

/*
 Writes a message as a frame. Returns its size; with less `room` than that, nothing is written. 0: `message` is null or
 has a type or more data (65,525 bytes) than can be sent.

 # Safety

 `message` is null or a message whose data can be read; `room` bytes can be written at `frame`.
 */
size_t gossip_encode(const struct GossipMessage *message,
                     uint8_t *frame,
                     size_t room);

/*
 Makes one.
 */
struct GossipDeframer *gossip_deframer_new(void);

/*
 Frees one; null is none.

 # Safety

 `deframer` came from `gossip_deframer_new` and is not used any more.
 */
void gossip_deframer_free(struct GossipDeframer *deframer);

/*
 Takes the next message off the front of `*len` bytes at `*bytes`, and moves both past what it took: `GOSSIP_SOME` with
 the message; `GOSSIP_OK` when the bytes are used up; `GOSSIP_LOST` when they are not the gossip protocol's.

 # Safety

 `deframer` is null or a deframer; `bytes`, `len` and `message` are null or can be read and written, and `*len` bytes
 can be read at `*bytes`.
 */
int gossip_deframer_next(struct GossipDeframer *deframer,
                         const uint8_t **bytes,
                         size_t *len,
                         struct GossipMessage *message);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* GOSSIP_H */
