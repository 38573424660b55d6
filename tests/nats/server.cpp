#include "server.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <random>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace convoy::nats::test {

namespace {

void check(natsStatus status, const std::string& what) {
  if (status != NATS_OK)
    throw std::runtime_error(what + ": " + natsStatus_GetText(status));
}

bool is_free(int port) {
  const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  void* const its = &at;
  const bool is = ::bind(probe, static_cast<sockaddr*>(its), sizeof at) == 0;
  ::close(probe);
  return is;
}

/// Below what systems give out by themselves, so that no client takes it while the server is down.
int free_port() {
  std::random_device random;
  for (;;)
    if (const int port = 12'000 + static_cast<int>(random() % 20'000); is_free(port))
      return port;
}

} // namespace

std::optional<std::string> server::program() {
  std::istringstream path(std::string(std::getenv("PATH")) + ":/usr/sbin"); // where Debian has it
  for (std::string each; std::getline(path, each, ':');)
    if (const auto file = each + "/nats-server"; ::access(file.c_str(), X_OK) == 0)
      return file;
  return std::nullopt;
}

server::server(const std::string& configuration, bool jetstream, const std::string& login)
    : login_(login), port_(free_port()) {
  std::string name = std::filesystem::temp_directory_path() / "convoy-nats-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr)
    throw std::runtime_error("can't make a directory");
  directory_ = name;
  std::ofstream file(directory_ / "configuration");
  file << "listen: 127.0.0.1:" << port_ << '\n' << configuration << '\n';
  if (jetstream)
    file << "jetstream { store_dir: \"" << (directory_ / "data").string() << "\" }\n";
  file.close();
  start();
}

server::~server() {
  jsCtx_Destroy(js_);
  natsConnection_Destroy(connection_);
  if (process_ > 0)
    kill();
  std::filesystem::remove_all(directory_);
}

std::string server::url(const std::string& login) const {
  return "nats://" + (login.empty() ? "" : login + "@") + "127.0.0.1:" + std::to_string(port_);
}

void server::start() {
  const auto file = *program(), configuration = (directory_ / "configuration").string();
  const auto log = (directory_ / "log").string();
  const auto is_ready = [this] { // once more than before
    const auto text = this->log();
    int count = 0;
    for (auto at = text.find("Server is ready"); at != text.npos;
         at = text.find("Server is ready", at + 1))
      ++count;
    return count;
  };
  const int before = is_ready();
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int to = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(to, 1);
    ::dup2(to, 2);
    ::execl(file.c_str(), file.c_str(), "-c", configuration.c_str(), nullptr);
    ::_exit(127);
  }
  if (!eventually([&] { return is_ready() > before; }))
    throw std::runtime_error("nats-server does not start: " + this->log());
}

void server::kill() {
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}
void server::freeze() {
  ::kill(process_, SIGSTOP);
}
void server::thaw() {
  ::kill(process_, SIGCONT);
}

std::string server::log() const {
  std::ifstream file(directory_ / "log");
  return {std::istreambuf_iterator<char>(file), {}};
}

natsConnection* server::connection() {
  if (connection_ == nullptr)
    check(natsConnection_ConnectTo(&connection_, url(login_).c_str()), "connect");
  return connection_;
}

jsCtx* server::js() {
  if (js_ == nullptr)
    check(natsConnection_JetStream(&js_, connection(), nullptr), "JetStream");
  return js_;
}

void server::create(const std::string& stream, const std::vector<std::string>& subjects,
                    std::int64_t most_messages) {
  std::vector<const char*> names;
  for (const auto& each : subjects)
    names.push_back(each.c_str());
  jsStreamConfig wanted;
  jsStreamConfig_Init(&wanted);
  wanted.Name = stream.c_str();
  wanted.Subjects = names.data();
  wanted.SubjectsLen = static_cast<int>(names.size());
  wanted.MaxMsgs = most_messages;
  wanted.Discard = js_DiscardNew;
  check(js_AddStream(nullptr, js(), &wanted, nullptr, nullptr), "create " + stream);
}

void server::set_most_messages(const std::string& stream, const std::vector<std::string>& subjects,
                               std::int64_t most_messages) {
  std::vector<const char*> names;
  for (const auto& each : subjects)
    names.push_back(each.c_str());
  jsStreamConfig wanted;
  jsStreamConfig_Init(&wanted);
  wanted.Name = stream.c_str();
  wanted.Subjects = names.data();
  wanted.SubjectsLen = static_cast<int>(names.size());
  wanted.MaxMsgs = most_messages;
  wanted.Discard = js_DiscardNew;
  check(js_UpdateStream(nullptr, js(), &wanted, nullptr, nullptr), "update " + stream);
}

void server::remove(const std::string& stream) {
  check(js_DeleteStream(js(), stream.c_str(), nullptr, nullptr), "delete " + stream);
}

void server::publish(const std::string& subject, const std::string& value,
                     const std::vector<std::pair<std::string, std::string>>& headers) {
  natsMsg* message = nullptr;
  check(natsMsg_Create(&message, subject.c_str(), nullptr, value.data(),
                       static_cast<int>(value.size())),
        "message");
  for (const auto& [name, text] : headers)
    check(natsMsgHeader_Add(message, name.c_str(), text.c_str()), "header");
  const natsStatus status = js_PublishMsg(nullptr, js(), message, nullptr, nullptr);
  natsMsg_Destroy(message);
  check(status, "publish to " + subject);
}

void server::publish_numbers(const std::string& prefix, int count, int keys) {
  for (int i = 0; i < count; ++i) {
    const auto subject = prefix + ".k" + std::to_string(i % keys);
    const auto value = std::to_string(i);
    check(js_PublishAsync(js(), subject.c_str(), value.data(), static_cast<int>(value.size()),
                          nullptr),
          "publish to " + subject);
  }
  jsPubOptions patience;
  jsPubOptions_Init(&patience);
  patience.MaxWait = 300'000;
  check(js_PublishAsyncComplete(js(), &patience), "publish to " + prefix);
}

std::vector<kept_message> server::read(const std::string& stream) {
  std::vector<kept_message> all;
  for (std::uint64_t sequence = 1;; ++sequence) {
    natsMsg* message = nullptr;
    if (js_GetMsg(&message, js(), stream.c_str(), sequence, nullptr, nullptr) != NATS_OK)
      return all;
    kept_message its{
        natsMsg_GetSubject(message),
        {natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message))},
        {}};
    const char** names = nullptr;
    int count = 0;
    if (natsMsgHeader_Keys(message, &names, &count) == NATS_OK) {
      for (int i = 0; i < count; ++i) {
        const char* value = nullptr;
        check(natsMsgHeader_Get(message, names[i], &value), "header");
        its.headers[names[i]] = value;
      }
      std::free(static_cast<void*>(names));
    }
    natsMsg_Destroy(message);
    all.push_back(std::move(its));
  }
}

std::string server::value(const std::string& bucket, const std::string& key) {
  natsMsg* message = nullptr;
  check(js_GetLastMsg(&message, js(), ("KV_" + bucket).c_str(),
                      ("$KV." + bucket + "." + key).c_str(), nullptr, nullptr),
        key);
  std::string its(natsMsg_GetData(message),
                  static_cast<std::size_t>(natsMsg_GetDataLength(message)));
  natsMsg_Destroy(message);
  return its;
}

void server::put(const std::string& bucket, const std::string& key, const std::string& value) {
  kvStore* store = nullptr;
  check(js_KeyValue(&store, js(), bucket.c_str()), bucket);
  const natsStatus status = kvStore_PutString(nullptr, store, key.c_str(), value.c_str());
  kvStore_Destroy(store);
  check(status, key);
}

void server::remove(const std::string& bucket, const std::string& key) {
  kvStore* store = nullptr;
  check(js_KeyValue(&store, js(), bucket.c_str()), bucket);
  const natsStatus status = kvStore_Delete(store, key.c_str());
  kvStore_Destroy(store);
  check(status, key);
}

std::string server::ask(const std::string& subject, const std::string& request) {
  natsMsg* answer = nullptr;
  check(
      natsConnection_RequestString(&answer, connection(), subject.c_str(), request.c_str(), 60'000),
      subject);
  std::string its(natsMsg_GetData(answer), static_cast<std::size_t>(natsMsg_GetDataLength(answer)));
  natsMsg_Destroy(answer);
  return its;
}

consumer::options options_for(const server& where, const std::string& stream) {
  return {.url = where.url(),
          .stream = stream,
          .name = "billing",
          .key = token(2),
          .commit = {.every = 50ms},
          .report = [](std::string_view) {}};
}

std::string why(consumer::options options) {
  runtime rt{{.concurrency = 1}};
  running<> c(
      rt, [](record&) {}, std::move(options));
  if (!eventually([&] { return c.has_ended(); }))
    return "it goes on";
  try {
    c.wait();
  } catch (const error& thrown) {
    return thrown.what();
  }
  return "nothing is wrong";
}

} // namespace convoy::nats::test
