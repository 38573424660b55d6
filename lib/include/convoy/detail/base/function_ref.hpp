#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace convoy::detail {

template <class Signature>
class function_ref;

/// Refers to a callable without its type, so that who takes it is compiled once. Only for
/// parameters: the callable must live until the call returns.
template <class Result, class... Arguments>
class function_ref<Result(Arguments...)> {
public:
  template <class Function>
  requires(!std::is_same_v<std::remove_cvref_t<Function>, function_ref>) function_ref(Function&& of)
  noexcept // NOLINT(google-explicit-constructor)
      : of_(const_cast<void*>(static_cast<const void*>(std::addressof(of)))),
        call_([](void* what, Arguments... arguments) -> Result {
          return (*static_cast<std::remove_reference_t<Function>*>(what))(
              std::forward<Arguments>(arguments)...);
        }) {}

  Result operator()(Arguments... arguments) const {
    return call_(of_, std::forward<Arguments>(arguments)...);
  }

private:
  void* of_;
  Result (*call_)(void*, Arguments...);
};

} // namespace convoy::detail
