#include "commands.h"

#include <arpa/inet.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace netlab {

namespace {

using Words = std::vector<std::string>;

constexpr double kMaxMs = 60'000;
constexpr double kMaxMbit = 1'000'000;

std::string error(const std::string& reason) { return "error " + reason; }

Words split(const std::string& line) {
  Words words;
  size_t at = 0;
  while ((at = line.find_first_not_of(" \t\r", at)) != std::string::npos) {
    size_t end = line.find_first_of(" \t\r", at);
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

bool parseNumber(const std::string& word, double low, double high, double& out) {
  char* end = nullptr;
  double value = strtod(word.c_str(), &end);
  if (word.empty() || *end != 0 || !std::isfinite(value) || value < low || value > high) return false;
  out = value;
  return true;
}

bool parseId(const std::string& word, uint32_t& out) {
  double value;
  if (!parseNumber(word, 0, 1'000'000, value) || value != std::floor(value)) return false;
  out = static_cast<uint32_t>(value);
  return true;
}

bool parseMac(const std::string& word, Mac& out) {
  int used = 0;
  int got = sscanf(word.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &out[0], &out[1], &out[2], &out[3], &out[4],
                   &out[5], &used);
  return got == 6 && static_cast<size_t>(used) == word.size();
}

int64_t milliseconds(double value) { return static_cast<int64_t>(std::llround(value * 1e6)); }

// KEY=VALUE into the parameters; false when the key is unknown or the value out of range.
bool setOne(Parameters& parameters, const std::string& word) {
  size_t equals = word.find('=');
  if (equals == std::string::npos) return false;
  std::string key = word.substr(0, equals);
  std::string text = word.substr(equals + 1);
  double value;
  for (auto [name, field] : {std::pair{"delayMs", &Parameters::delayNs},
                             {"jitterMs", &Parameters::jitterNs},
                             {"reorderMs", &Parameters::reorderNs},
                             {"queueMs", &Parameters::queueNs}}) {
    if (key != name) continue;
    if (!parseNumber(text, 0, kMaxMs, value)) return false;
    parameters.*field = milliseconds(value);
    return true;
  }
  for (auto [name, field] : {std::pair{"loss", &Parameters::loss},
                             {"duplicate", &Parameters::duplicate},
                             {"reorder", &Parameters::reorder}}) {
    if (key == name) return parseNumber(text, 0, 1, parameters.*field);
  }
  if (key == "rateMbit") {
    if (!parseNumber(text, 0, kMaxMbit, value)) return false;
    parameters.nsPerByte = value > 0 ? 8000 / value : 0;
    return true;
  }
  if (key == "mtu") {
    if (!parseNumber(text, 68, 65535, value)) return false;
    parameters.mtu = static_cast<uint32_t>(value);
    return true;
  }
  return false;
}

std::string describe(const Counters& counters) {
  char text[400];
  snprintf(text, sizeof text,
           "ok entered=%llu left=%llu leftBytes=%llu duplicated=%llu heldBack=%llu lost=%llu tooBig=%llu overflow=%llu "
           "cut=%llu unsent=%llu",
           static_cast<unsigned long long>(counters.entered), static_cast<unsigned long long>(counters.left),
           static_cast<unsigned long long>(counters.leftBytes), static_cast<unsigned long long>(counters.duplicated),
           static_cast<unsigned long long>(counters.heldBack), static_cast<unsigned long long>(counters.lost),
           static_cast<unsigned long long>(counters.tooBig), static_cast<unsigned long long>(counters.overflow),
           static_cast<unsigned long long>(counters.cut), static_cast<unsigned long long>(counters.unsent));
  return text;
}

std::string port(Network& network, FindInterface findInterface, const Words& words) {
  uint32_t id;
  Mac mac;
  if (words.size() != 4 || !parseId(words[1], id) || !parseMac(words[3], mac)) return error("usage: port ID INTERFACE MAC");
  unsigned index = findInterface(words[2].c_str());
  if (index == 0) return error("no interface " + words[2]);
  if (!network.addPort(id, static_cast<int>(index), mac)) return error("port " + words[1] + " or its interface is taken");
  return "ok";
}

std::string join(Network& network, const Words& words) {
  uint32_t a, b;
  if (words.size() != 3 || !parseId(words[1], a) || !parseId(words[2], b)) return error("usage: join ID ID");
  return network.joinPorts(a, b) ? "ok" : error("one is unknown or wired already");
}

std::string route(Network& network, const Words& words) {
  uint32_t port;
  if (words.size() != 3 || !parseId(words[2], port)) return error("usage: route ADDRESS ID");
  uint32_t v4;
  Address6 v6;
  bool known;
  if (inet_pton(AF_INET, words[1].c_str(), &v4) == 1) known = network.route4(v4, port);
  else if (inet_pton(AF_INET6, words[1].c_str(), v6.data()) == 1) known = network.route6(v6, port);
  else return error("bad address " + words[1]);
  return known ? "ok" : error("no port " + words[2]);
}

std::string set(Direction& direction, const Words& words) {
  Parameters wanted = direction.parameters;
  for (size_t i = 3; i < words.size(); i++) {
    if (!setOne(wanted, words[i])) return error("bad parameter " + words[i]);
  }
  direction.parameters = wanted;
  return "ok";
}

std::string run(Network& network, FindInterface findInterface, const Words& words) {
  const std::string& verb = words[0];
  if (verb == "port") return port(network, findInterface, words);
  if (verb == "join") return join(network, words);
  if (verb == "route") return route(network, words);
  if (verb == "unrouted") return "ok " + std::to_string(network.unrouted);
  if (verb == "seed") {
    double value;
    if (words.size() != 2 || !parseNumber(words[1], 0, 0x1p53, value)) return error("usage: seed NUMBER");
    network.seed(static_cast<uint64_t>(value));
    return "ok";
  }
  bool plain = verb == "cut" || verb == "restore" || verb == "counters";
  if (!plain && verb != "set") return error("unknown command " + verb);
  uint32_t from, to;
  if (words.size() < 3 || (plain && words.size() != 3) || !parseId(words[1], from) || !parseId(words[2], to))
    return error("usage: " + verb + " FROM TO" + (plain ? "" : " KEY=VALUE..."));
  Direction* direction = network.find(from, to);
  if (direction == nullptr) return error("no port " + words[1] + " or no port " + words[2]);
  if (verb == "set") return set(*direction, words);
  if (verb == "counters") return describe(direction->counters);
  if (verb == "cut") direction->cut();
  else direction->restore();
  return "ok";
}

}  // namespace

std::string runCommand(Network& network, FindInterface findInterface, const std::string& line) {
  Words words = split(line);
  std::string number;
  if (!words.empty() && words[0][0] == '#') {
    number = words[0] + " ";
    words.erase(words.begin());
  }
  return number + (words.empty() ? error("no command") : run(network, findInterface, words));
}

}  // namespace netlab
