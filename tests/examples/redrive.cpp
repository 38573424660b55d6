#include <charconv>
#include <convoy/convoy.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

// Payments that fail while the bank is down are written to a file, looked at, and paid when it is up again.

struct payment {
  int cents;
};

// A message of its own type says how it is written and read; any JSON will do.
static std::string json_of(const payment& p) {
  return std::to_string(p.cents);
}
static payment payment_of(std::string_view json) {
  payment p{};
  if (std::from_chars(json.data(), json.data() + json.size(), p.cents).ec != std::errc())
    throw std::invalid_argument("no payment"); // the line is a bad one
  return p;
}

int main() {
  std::string directory = "/tmp/convoy_example_XXXXXX";
  if (mkdtemp(directory.data()) == nullptr)
    return 1;
  const auto path = directory + "/dead.jsonl", moved = directory + "/dead.1.jsonl";

  bool bank_is_up = false; // changes only while nothing is handled
  int paid = 0;            // touched by one key's handlers only
  const auto pay = [&](payment& p) {
    if (!bank_is_up)
      return convoy::outcome::skip;
    paid += p.cents;
    return convoy::outcome::done;
  };
  convoy::runtime rt;
  // [readme]
  convoy::dead_letter_file<std::string, payment> file(path,
                                                      {.message_json = json_of, .sync = true});
  convoy::processor<std::string, payment> payments{rt, pay, {.dead_letters = std::ref(file)}};
  // [/readme]
  for (const int cents : {30, 12})
    if (payments.submit("anna", {cents}) != convoy::submit_status::accepted)
      return 1;
  payments.drain();

  for (const auto& letter :
       convoy::read_dead_letters<std::string, payment>(path, {.message = payment_of}))
    std::cout << letter.key << " is owed " << letter.message.cents << ": " << to_string(letter.why)
              << '\n';

  bank_is_up = true;
  // [readme]
  std::filesystem::rename(path, moved); // as logrotate does
  file.reopen();                        // what fails from now on comes into a new file
  const auto result =
      convoy::redrive_dead_letters<std::string, payment>(moved, payments, {.message = payment_of});
  if (result.complete())
    std::filesystem::remove(moved);
  // [/readme]

  std::cout << result.redriven << " letters redriven, " << paid << " paid\n";
  std::filesystem::remove_all(directory);
  return paid == 42 && result.complete() ? 0 : 1;
}
