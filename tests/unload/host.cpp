// Loads a plug-in, has it use the library, and unloads it, 500 times. What still runs code of the plug-in crashes.
// It has the standard library before: one that comes with a plug-in binds to it, and keeps it loaded.

#include <dlfcn.h>
#include <iostream>

int main(int, char** argv) {
  for (int i = 0; i < 500; ++i) {
    void* const plugin = ::dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (plugin == nullptr) {
      std::cerr << ::dlerror() << '\n';
      return 1;
    }
    const auto use = reinterpret_cast<int (*)()>(::dlsym(plugin, "use_convoy"));
    if (const int handled = use != nullptr ? use() : 0; handled < 100) {
      std::cerr << handled << " messages handled\n";
      return 1;
    }
    ::dlclose(plugin);
    if (::dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) != nullptr) {
      std::cerr << "it is still loaded\n";
      return 1;
    }
  }
}
