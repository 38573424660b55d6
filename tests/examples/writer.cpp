#include <chrono>
#include <convoy/convoy.hpp>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Writes rows in batches, a file for each key: 100 rows at once, or what has come within 5 ms. A row
// that can't be written becomes a dead letter; the others of its batch are written, in their order.

struct file { // touched by its key's handler alone
  std::vector<std::string> rows;
  int writes = 0;
};

int main() {
  using namespace std::chrono_literals;
  using convoy::outcome;
  convoy::runtime rt;
  int batches = 0, rows = 0; // of files that were closed, one after the other

  // [readme]
  const auto write = [](const std::string&, std::span<std::string> batch, file& to) {
    ++to.writes; // one for the batch
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (batch[i].empty())
        return outcome::skip.at(i); // those before it are done, those behind it come again
      to.rows.push_back(std::move(batch[i]));
    }
    return outcome::done;
  };
  {
    convoy::processor<std::string, std::string, file> writer{
        rt,
        write,
        {.batch_limit = 100,
         .state = {.on_evict =
                       [&](const std::string&, file& closed) {
                         batches += closed.writes;
                         rows += static_cast<int>(closed.rows.size());
                       }},
         .linger = 5ms}};
    // [/readme]
    for (int i = 0; i < 1'000; ++i)
      for (const char* const name : {"trades", "quotes"}) {
        auto row = i == 500 ? std::string() : "row " + std::to_string(i);
        if (writer.submit(name, std::move(row)) != convoy::submit_status::accepted)
          return 1;
      }
    writer.drain();
    if (writer.dead_letters() != 2)
      return 1;
  } // its destructor evicts: the files are closed

  std::cout << rows << " rows in " << batches << " batches\n";
  return rows == 1'998 && batches < 100 ? 0 : 1;
}
