#include <convoy/convoy.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>

// Payments that fail while the bank is down are written to a file, looked at, and paid when it is up again.

int main() {
  std::string directory = "/tmp/convoy_example_XXXXXX";
  if (mkdtemp(directory.data()) == nullptr)
    return 1;
  const auto path = directory + "/dead.jsonl", moved = directory + "/dead.1.jsonl";

  bool bank_is_up = false; // changes only while nothing is handled
  int paid = 0;            // touched by one key's handlers only
  const auto pay = [&](int& amount) {
    if (!bank_is_up)
      return convoy::outcome::skip;
    paid += amount;
    return convoy::outcome::done;
  };
  convoy::dead_letter_file<std::string, int> file(path, {.sync = true});
  convoy::runtime rt;
  convoy::processor<std::string, int> payments{rt, pay, {.dead_letters = std::ref(file)}};
  for (const int amount : {30, 12})
    if (payments.submit("anna", amount) != convoy::submit_status::accepted)
      return 1;
  payments.drain();

  for (const auto& letter : convoy::read_dead_letters<std::string, int>(path))
    std::cout << letter.key << " is owed " << letter.message << ": " << to_string(letter.why)
              << '\n';

  bank_is_up = true;
  std::filesystem::rename(path, moved); // as logrotate does
  file.reopen();                        // what fails from now on comes into a new file
  const auto result = convoy::redrive_dead_letters<std::string, int>(moved, payments);
  if (result.complete())
    std::filesystem::remove(moved);

  std::cout << result.redriven << " letters redriven, " << paid << " paid\n";
  std::filesystem::remove_all(directory);
  return paid == 42 && result.complete() ? 0 : 1;
}
