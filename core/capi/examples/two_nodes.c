/*
 * Two nodes, each with one module, in the memory of one process: what one module announces, both are told.
 *
 *     cargo build -p gossip-capi
 *     cc -Icore/capi/include core/capi/examples/two_nodes.c target/debug/libgossip.a -lpthread -ldl -lm -o two_nodes
 */

#include "gossip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULE 0 /* each node's first accepted connection */
#define TYPE 1337

static GossipNode *nodes[2];
static uint64_t link[2] = {1, 1}; /* the connection between the two, as each end calls it */
static GossipDeframer *heard_by[2];
static int heard[2];

static void check(int status, const char *what) {
    if (status < 0) {
        fprintf(stderr, "%s: status %d\n", what, status);
        exit(1);
    }
}

static void say(int node, uint64_t now, const GossipMessage *message) {
    uint8_t frame[64];
    size_t len = gossip_encode(message, frame, sizeof frame);
    check(len > 0 && len <= sizeof frame ? 0 : -1, "gossip_encode");
    check(gossip_node_received(nodes[node], now, MODULE, frame, len), "gossip_node_received");
}

/* A module was told something. */
static void listen(int node, const uint8_t *bytes, size_t len) {
    GossipMessage message;
    while (gossip_deframer_next(heard_by[node], &bytes, &len, &message) == GOSSIP_SOME) {
        if (message.kind == 502 && message.data_type == TYPE && message.data_len == 5 &&
            memcmp(message.data, "hello", 5) == 0) {
            heard[node]++;
        }
    }
}

/* Carries out what a node wants done; what the other then wants done, later. Returns how much there was. */
static int carry_out(int me, uint64_t now) {
    static const GossipAddress somewhere = {4, {127, 0, 0, 1}, 40000};
    int them = 1 - me, count = 0, status;
    GossipAction action;
    while ((status = gossip_node_next_action(nodes[me], &action)) == GOSSIP_SOME) {
        count++;
        switch (action.kind) {
        case GossipActionKind_Dial:
            if (me == 0) { /* it would only see whether the other's address can be reached */
                check(gossip_node_dial_failed(nodes[me], now, action.connection, GOSSIP_DIAL_REFUSED), "failed");
                break;
            }
            link[me] = action.connection;
            check(gossip_node_accepted(nodes[them], now, link[them], GOSSIP_LISTENER_P2P, somewhere), "accepted");
            check(gossip_node_dial_succeeded(nodes[me], now, action.connection), "succeeded");
            break;
        case GossipActionKind_Send: {
            /* the bytes last until the next call with this node: the other end's comes first */
            size_t len = action.len;
            if (action.connection == MODULE) {
                listen(me, action.bytes, len);
            } else {
                check(gossip_node_received(nodes[them], now, link[them], action.bytes, len), "received");
            }
            check(gossip_node_written(nodes[me], now, action.connection, len), "written");
            break;
        }
        case GossipActionKind_Solve: {
            uint64_t challenge;
            check(gossip_solve(action.nonce, action.pow_bits, action.start, UINT64_MAX, &challenge), "solve");
            check(gossip_node_solved(nodes[me], now, action.connection, challenge), "solved");
            break;
        }
        case GossipActionKind_Note:
            printf("node %d: %s\n", me, action.text);
            break;
        default:
            break;
        }
    }
    check(status, "gossip_node_next_action");
    return count;
}

int main(void) {
    static const char *ini[2] = {
        "[gossip]\ncache_size = 50\ndegree = 4\ndiscovery = no\npow_bits = 8\n"
        "p2p_address = 127.0.0.1:6001\napi_address = 127.0.0.1:7001\n",
        "[gossip]\ncache_size = 50\ndegree = 4\ndiscovery = no\npow_bits = 8\n"
        "p2p_address = 127.0.0.1:6011\napi_address = 127.0.0.1:7011\nbootstrapper = 127.0.0.1:6001\n"};
    static const GossipAddress module = {4, {127, 0, 0, 1}, 50000};
    GossipMessage notify = {.kind = 501, .data_type = TYPE};
    GossipMessage announce = {.kind = 500, .data_type = TYPE, .data = (const uint8_t *)"hello", .data_len = 5};
    uint64_t now = 0;
    char error[200];

    if (gossip_node_new("[gossip]\n", (const uint8_t *)ini[0], 0, error, sizeof error) != NULL || !strstr(error, "cache_size")) {
        fprintf(stderr, "a file without its keys was taken\n");
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        uint8_t seed[32] = {(uint8_t)(i + 1)}; /* random and secret, elsewhere than in an example */
        nodes[i] = gossip_node_new(ini[i], seed, now, error, sizeof error);
        if (nodes[i] == NULL) {
            fprintf(stderr, "%s\n", error);
            return 1;
        }
        heard_by[i] = gossip_deframer_new();
        check(gossip_node_accepted(nodes[i], now, MODULE, GOSSIP_LISTENER_API, module), "accepted");
        say(i, now, &notify);
    }
    say(1, now, &announce);

    /* Nothing else is left to happen: the time is that of the next timer. */
    for (int turn = 0; turn < 1000 && !(heard[0] && heard[1]); turn++) {
        while (carry_out(0, now) + carry_out(1, now) > 0) {
        }
        uint64_t at[2] = {UINT64_MAX, UINT64_MAX};
        for (int i = 0; i < 2; i++) {
            check(gossip_node_deadline(nodes[i], &at[i]), "deadline");
        }
        int next = at[1] < at[0];
        now = at[next] > now ? at[next] : now;
        check(gossip_node_timer(nodes[next], now), "timer");
    }
    printf("told: %d and %d times\n", heard[0], heard[1]);
    for (int i = 0; i < 2; i++) {
        check(gossip_node_shutdown(nodes[i], now), "shutdown");
        gossip_node_free(nodes[i]);
        gossip_deframer_free(heard_by[i]);
    }
    if (gossip_node_timer(NULL, now) != GOSSIP_MISUSE) {
        return 1;
    }
    return heard[0] == 1 && heard[1] == 1 ? 0 : 1;
}
