#include <convoy/convoy.hpp>
#include <iostream>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <string>
#include <utility>
#include <vector>

// A runtime's processors among the metrics of a program that exposes its own through prometheus-cpp.

// [readme]
struct convoy_metrics : prometheus::Collectable {
  explicit convoy_metrics(const convoy::runtime& of) : runtime(of) {}

  std::vector<prometheus::MetricFamily> Collect() const override { // any thread
    using prometheus::MetricType;
    std::vector<prometheus::MetricFamily> all{
        {"convoy_messages_finished_total", "Messages that are done.", MetricType::Counter, {}},
        {"convoy_backlog", "Messages that are not finished.", MetricType::Gauge, {}},
        {"convoy_hottest_key_ratio", "Its share of the work.", MetricType::Gauge, {}}};
    for (const auto& is : runtime.snapshot()) {
      prometheus::ClientMetric metric;
      metric.label = {{"processor", is.name}};
      metric.counter.value = static_cast<double>(is.finished);
      all[0].metric.push_back(metric);
      metric.gauge.value = static_cast<double>(is.backlog);
      all[1].metric.push_back(metric);
      metric.gauge.value = is.hottest.empty() ? 0 : is.hottest.front().share;
      all[2].metric.push_back(std::move(metric));
    }
    return all;
  }

  const convoy::runtime& runtime; // outlives it
};
// [/readme]

int main() {
  convoy::runtime rt;
  convoy::processor<std::string, int> orders{
      rt, [](int&) {}, {.name = "orders", .insight = {.top = 20}}};
  for (int i = 0; i < 1'000; ++i)
    if (orders.submit(i % 3 == 0 ? "pear" : "apple", i) != convoy::submit_status::accepted)
      return 1;
  orders.drain();

  const convoy_metrics metrics(rt); // exposer.RegisterCollectable(…) takes it as a shared_ptr
  const auto text = prometheus::TextSerializer().Serialize(metrics.Collect());
  std::cout << text;
  const std::string done = "convoy_messages_finished_total{processor=\"orders\"} 1000";
  return text.find(done) != std::string::npos ? 0 : 1;
}
