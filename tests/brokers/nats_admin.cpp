// What tests do to a JetStream from outside.
//   nats_admin URL COMMAND…
//     create STREAM SUBJECT…               a stream of files that takes what is sent to these subjects
//     delete STREAM
//     info STREAM                          messages, first sequence, last sequence
//     publish STREAM PREFIX COUNT [NAME=VALUE]…   see generated.hpp; to PREFIX.KEY, or PREFIX where there is no key;
//                                          a line per message: 0, sequence, key. Nobody else may publish meanwhile.
//     read STREAM                          a line per message: sequence, subject, data, headers
//     buckets                              a line per bucket of keys and values
//     keys BUCKET                          a line per key: key, revision, value
//     put BUCKET KEY VALUE                 prints the revision; makes the bucket if there is none
// Fields are between tabs and percent-encoded. Exit status 1: it failed, and a line on stderr says why.
#include "generated.hpp"
#include "pace.hpp"
#include "text.hpp"

#include <chrono>
#include <iostream>
#include <memory>
#include <nats/nats.h>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace brokers;

template <class Object, void (*destroy)(Object*)>
struct destroyed_by {
  void operator()(Object* object) const { destroy(object); }
};
template <class Object, void (*destroy)(Object*)>
using owned = std::unique_ptr<Object, destroyed_by<Object, destroy>>;
using connection = owned<natsConnection, natsConnection_Destroy>;
using jetstream = owned<jsCtx, jsCtx_Destroy>;
using stream_info = owned<jsStreamInfo, jsStreamInfo_Destroy>;
using store = owned<kvStore, kvStore_Destroy>;

void check(natsStatus status, const std::string& what) {
  if (status != NATS_OK) {
    const char* detail = nats_GetLastError(nullptr);
    throw std::runtime_error{what + ": " + natsStatus_GetText(status) +
                             (detail != nullptr ? std::string{" ("} + detail + ')' : "")};
  }
}

std::string stream_named(const std::string& name) {
  return "stream " + name;
}

stream_info information(jsCtx* js, const std::string& stream) {
  jsStreamInfo* info = nullptr;
  check(js_GetStreamInfo(&info, js, stream.c_str(), nullptr, nullptr), stream_named(stream));
  return stream_info{info};
}

void create(jsCtx* js, const std::string& stream, const std::vector<std::string>& subjects) {
  std::vector<const char*> names;
  for (const std::string& subject : subjects) {
    names.push_back(subject.c_str());
  }
  jsStreamConfig config;
  jsStreamConfig_Init(&config);
  config.Name = stream.c_str();
  config.Subjects = names.data();
  config.SubjectsLen = static_cast<int>(names.size());
  config.Storage = js_FileStorage;
  check(js_AddStream(nullptr, js, &config, nullptr, nullptr), stream_named(stream));
}

void publish(jsCtx* js, const std::string& stream, const std::string& prefix, std::int64_t count,
             const generated_options& options) {
  const std::uint64_t before = information(js, stream)->State.LastSeq;
  generator next{options};
  pace rate{options.rate};
  std::vector<std::optional<std::string>> keys;
  for (std::int64_t i = 0; i < count; ++i) {
    generated_record record = next();
    rate.wait();
    const std::string subject = record.key ? prefix + '.' + *record.key : prefix;
    check(js_PublishAsync(js, subject.c_str(), record.value.data(),
                          static_cast<int>(record.value.size()), nullptr),
          "publish to " + subject);
    keys.push_back(std::move(record.key));
  }
  jsPubOptions patience;
  jsPubOptions_Init(&patience);
  patience.MaxWait = 100'000; // ms
  check(js_PublishAsyncComplete(js, &patience), "publish to " + stream);
  // One connection's messages are stored in the order they were sent in: their sequences follow from the first of them,
  // provided that every one is there and none of somebody else is.
  const std::uint64_t last = information(js, stream)->State.LastSeq;
  if (last - before != keys.size()) {
    throw std::runtime_error{std::to_string(keys.size()) + " messages published, and " +
                             std::to_string(last - before) + " more are in " + stream};
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::cout << "0\t" << before + 1 + i << '\t'
              << (keys[i] ? encoded(*keys[i]) : std::string{absent}) << '\n';
  }
}

std::string headers_of(natsMsg* message) {
  std::string text;
  const char** names = nullptr;
  int count = 0;
  if (natsMsgHeader_Keys(message, &names, &count) == NATS_OK) {
    for (int i = 0; i < count; ++i) {
      const char* value = nullptr;
      check(natsMsgHeader_Get(message, names[i], &value), "header");
      text += (i == 0 ? "" : "&") + encoded(names[i]) + '=' + encoded(value);
    }
    free(static_cast<void*>(names)); // so it is documented
  }
  return text;
}

void read(jsCtx* js, const std::string& stream) {
  const stream_info info = information(js, stream);
  if (info->State.Msgs == 0) {
    return;
  }
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Stream = stream.c_str();
  options.Ordered = true;
  natsSubscription* subscribed = nullptr;
  check(js_SubscribeSync(&subscribed, js, ">", nullptr, &options, nullptr), stream_named(stream));
  const owned<natsSubscription, natsSubscription_Destroy> subscription{subscribed};
  for (std::uint64_t sequence = 0; sequence < info->State.LastSeq;) {
    natsMsg* received = nullptr;
    check(natsSubscription_NextMsg(&received, subscription.get(), 10'000), "read of " + stream);
    const owned<natsMsg, natsMsg_Destroy> message{received};
    jsMsgMetaData* described = nullptr;
    check(natsMsg_GetMetaData(&described, message.get()), "a message's place in " + stream);
    const owned<jsMsgMetaData, jsMsgMetaData_Destroy> place{described};
    sequence = place->Sequence.Stream;
    std::cout << sequence << '\t' << encoded(natsMsg_GetSubject(message.get())) << '\t'
              << encoded(natsMsg_GetData(message.get()),
                         static_cast<std::size_t>(natsMsg_GetDataLength(message.get())))
              << '\t' << headers_of(message.get()) << '\n';
  }
}

void buckets(jsCtx* js) {
  jsStreamNamesList* found = nullptr;
  const natsStatus status = js_StreamNames(&found, js, nullptr, nullptr);
  if (status == NATS_NOT_FOUND) {
    return;
  }
  check(status, "names of streams");
  const owned<jsStreamNamesList, jsStreamNamesList_Destroy> names{found};
  for (int i = 0; i < names->Count; ++i) {
    if (const std::string_view name = names->List[i]; name.starts_with("KV_")) {
      std::cout << encoded(name.substr(3)) << '\n';
    }
  }
}

store bucket_named(jsCtx* js, const std::string& bucket) {
  kvStore* found = nullptr;
  check(js_KeyValue(&found, js, bucket.c_str()), "bucket " + bucket);
  return store{found};
}

void keys(jsCtx* js, const std::string& bucket) {
  const store kv = bucket_named(js, bucket);
  kvKeysList list{};
  check(kvStore_Keys(&list, kv.get(), nullptr), "keys of " + bucket);
  const owned<kvKeysList, kvKeysList_Destroy> guard{&list};
  for (int i = 0; i < list.Count; ++i) {
    kvEntry* found = nullptr;
    check(kvStore_Get(&found, kv.get(), list.Keys[i]), list.Keys[i]);
    const owned<kvEntry, kvEntry_Destroy> entry{found};
    std::cout << encoded(list.Keys[i]) << '\t' << kvEntry_Revision(entry.get()) << '\t'
              << encoded(kvEntry_Value(entry.get()),
                         static_cast<std::size_t>(kvEntry_ValueLen(entry.get())))
              << '\n';
  }
}

void put(jsCtx* js, const std::string& bucket, const std::string& key, const std::string& value) {
  kvStore* found = nullptr;
  if (js_KeyValue(&found, js, bucket.c_str()) != NATS_OK) {
    kvConfig config;
    kvConfig_Init(&config);
    config.Bucket = bucket.c_str();
    check(js_CreateKeyValue(&found, js, &config), "bucket " + bucket);
  }
  const store kv{found};
  std::uint64_t revision = 0;
  check(kvStore_Put(&revision, kv.get(), key.c_str(), value.data(), static_cast<int>(value.size())),
        key);
  std::cout << revision << '\n';
}

void run(const std::vector<std::string>& words) {
  const auto word = [&](std::size_t i) {
    if (i >= words.size()) {
      throw std::runtime_error{
          "an argument is missing; the top of nats_admin.cpp says what there is"};
    }
    return words[i];
  };
  natsConnection* connected = nullptr;
  check(natsConnection_ConnectTo(&connected, word(0).c_str()), word(0));
  const connection nats{connected};
  jsCtx* context = nullptr;
  check(natsConnection_JetStream(&context, nats.get(), nullptr), "JetStream");
  const jetstream js{context};
  const std::string command = word(1);
  if (command == "create") {
    static_cast<void>(word(3)); // there is a subject at least
    create(js.get(), word(2), {words.begin() + 3, words.end()});
  } else if (command == "delete") {
    check(js_DeleteStream(js.get(), word(2).c_str(), nullptr, nullptr), stream_named(word(2)));
  } else if (command == "info") {
    const stream_info info = information(js.get(), word(2));
    std::cout << info->State.Msgs << '\t' << info->State.FirstSeq << '\t' << info->State.LastSeq
              << '\n';
  } else if (command == "publish") {
    arguments given;
    for (std::size_t i = 5; i < words.size(); ++i) {
      given.add(words[i]);
    }
    publish(js.get(), word(2), word(3), number(word(4)), generated_from(given));
  } else if (command == "read") {
    read(js.get(), word(2));
  } else if (command == "buckets") {
    buckets(js.get());
  } else if (command == "keys") {
    keys(js.get(), word(2));
  } else if (command == "put") {
    put(js.get(), word(2), word(3), word(4));
  } else {
    throw std::runtime_error{"no command is called '" + command + "'"};
  }
}

} // namespace

int main(int count, char** words) {
  std::ios::sync_with_stdio(false);
  int status = 0;
  try {
    run({words + 1, words + count});
    status = std::cout.flush() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cout.flush();
    std::cerr << "nats_admin: " << error.what() << '\n';
    status = 1;
  }
  nats_CloseAndWait(10'000); // its threads
  return status;
}
