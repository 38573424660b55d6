#include "consume/handling.hpp"

#include "consume/environment.hpp"
#include "text/format.hpp"

#include <system_error>

namespace convoy::tool {
namespace {

std::string partition_text(const record_view& record) {
  return record.partition
             ? std::string{record.source} + "[" + std::to_string(*record.partition) + "]"
             : std::string{record.source};
}

} // namespace

std::string place_text(const record_view& record) {
  return partition_text(record) + (record.partition ? " offset " : " sequence ") +
         std::to_string(record.position);
}

answer handling::handle(const record_view& record, unsigned call) {
  if (is_stopping_)
    return {verdict::give_back};
  const place where{partition_text(record), record.position};
  if (call == 1) // it may have been here before, and been given back
    forget(where);
  ++begun_;
  return judge(runner_.run(record.value.value_or(""), variables_of(record, call)), where);
}

answer handling::judge(const command_end& its, const place& where) {
  if (its.how == command_end::kind::not_started) {
    if (its.number == E2BIG)
      return fail(where, "the headers do not fit into an environment");
    return give_up("the command " + runner_.name() +
                   " can't be started: " + std::generic_category().message(its.number));
  }
  const bool has_exited = its.how == command_end::kind::exited;
  if (has_exited && its.number == 0 && !its.timed_out) {
    ++done_;
    forget(where);
    return {verdict::done};
  }
  if (its.was_ended)
    return {verdict::give_back};
  if (its.timed_out) {
    ++timed_out_;
    return fail(where, "timeout");
  }
  const std::string reason =
      (has_exited ? "exit status " : "killed by signal ") + std::to_string(its.number);
  if (!has_exited)
    return fail(where, reason);
  switch (its.number) {
  case put_off_status:
    ++put_off_;
    return {verdict::retry, reason};
  case skip_status:
    ++failed_;
    forget(where);
    return {verdict::skip, reason};
  case not_executable_status:
    return give_up("exit status 126 of " + runner_.name() +
                   " means that a command can't be executed");
  case not_found_status:
    return give_up("exit status 127 of " + runner_.name() + " means that there is no such command");
  default:
    return fail(where, reason);
  }
}

answer handling::fail(const place& where, std::string reason) {
  ++failed_;
  const std::lock_guard lock{mutex_};
  const auto counted = failures_.try_emplace(where, 0).first;
  if (++counted->second < attempts_)
    return {verdict::retry, std::move(reason)};
  failures_.erase(counted);
  return {verdict::skip, std::move(reason)};
}

answer handling::give_up(std::string why) {
  const std::lock_guard lock{mutex_};
  is_stopping_ = true;
  if (!trouble_)
    trouble_ = std::move(why);
  return {verdict::give_back};
}

void handling::fail_for_good(const std::string& which, std::string reason,
                             std::string_view option) {
  give_up(which + ": " + std::move(reason) +
          "; a record that has failed for good has nowhere to go without " + std::string{option} +
          ", so it is not committed, and comes first next time");
}

void handling::stop_with(std::string trouble) {
  give_up(std::move(trouble));
}

std::optional<std::string> handling::trouble() const {
  const std::lock_guard lock{mutex_};
  return trouble_;
}

void handling::forget(const place& where) {
  const std::lock_guard lock{mutex_};
  failures_.erase(where);
}

command_counts handling::counts() const {
  return {begun_, done_, failed_, put_off_, timed_out_};
}

} // namespace convoy::tool
