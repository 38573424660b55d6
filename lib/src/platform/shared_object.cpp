#include "platform/shared_object.hpp"

#include <dlfcn.h>
#include <link.h>

namespace convoy::detail {

bool can_be_unloaded() noexcept {
#ifdef __GLIBC__
  static constexpr char here = 0;
  Dl_info info{};
  link_map* map = nullptr;
  // Nothing is found in a static program; the program itself has no name.
  return ::dladdr1(&here, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) != 0 &&
         map != nullptr && *map->l_name != '\0';
#else
  return true;
#endif
}

void keep_loaded(const void* function) noexcept {
  Dl_info info{};
  if (::dladdr(function, &info) != 0 && info.dli_fname != nullptr)
    (void)::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

} // namespace convoy::detail
