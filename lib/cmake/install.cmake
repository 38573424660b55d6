# What `cmake --install` puts where: headers, the library, and its two descriptions, for CMake and for pkg-config.
# Both can be moved: they find the rest relative to themselves.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/convoy)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(TARGETS convoy EXPORT convoy ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/convoy DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT convoy NAMESPACE convoy:: FILE convoy-targets.cmake DESTINATION ${package_dir})

write_basic_package_version_file(convoy-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/convoy-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/convoy-config-version.cmake
  DESTINATION ${package_dir})

file(RELATIVE_PATH prefix_from_pc /${pkgconfig_dir} /)
configure_file(cmake/convoy.pc.in convoy.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/convoy.pc DESTINATION ${pkgconfig_dir})
