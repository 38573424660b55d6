// [readme]
#include <convoy/convoy.hpp>
#include <iostream>
#include <string>

struct order {
  int quantity;
};

int main() {
  convoy::runtime rt; // a worker thread for each core
  int apples = 0;     // touched by one key's handlers only: needs no lock

  // Runs in the order of submit for each product, one at a time; different products in parallel.
  const auto take = [&](const std::string& product, order& o) {
    if (product == "apple")
      apples += o.quantity;
  };
  convoy::processor<std::string, order> orders{rt, take};

  for (int i = 1; i <= 1000; ++i)
    for (const char* product : {"apple", "pear"})
      if (orders.submit(product, {i}) != convoy::submit_status::accepted)
        return 1;
  orders.drain(); // all of them are handled

  std::cout << apples << " apples ordered\n";
  return apples == 500'500 ? 0 : 1;
}
// [/readme]
