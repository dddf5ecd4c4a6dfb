// The wire's language: one command a line, from a file at the start and from stdin later.
//
//   port ID INTERFACE MAC       an interface, and the address of the node's end of it
//   join ID ID                  the two are ends of one cable
//   route ADDRESS ID            IPv4 or IPv6; the port behind which it is
//   set FROM TO KEY=VALUE…      delayMs jitterMs loss duplicate reorder reorderMs rateMbit queueMs mtu; all or none of
//                               them take effect, others stay as they are; rateMbit=0: no limit
//   cut FROM TO                 one direction; what is on its way there is lost too
//   restore FROM TO
//   counters FROM TO            answers ok KEY=VALUE…
//   unrouted                    answers ok COUNT: packets to addresses that no port has
//   seed NUMBER                 of the losses and jitters of directions not used before
//
// A line may begin with #NUMBER, which then begins its answer: "#7 cut 1 2" → "#7 ok". An answer comes when the command
// has taken effect; it is "ok…" or "error REASON".
#pragma once

#include <string>

#include "network.h"

namespace netlab {

// The index of an interface by its name; 0 when there is none.
using FindInterface = unsigned (*)(const char* name);

// Runs one line and returns its answer.
std::string runCommand(Network& network, FindInterface findInterface, const std::string& line);

}  // namespace netlab
