# What `cmake --install` puts where: headers, the libraries, and their descriptions, for CMake and for pkg-config.
# Both can be moved: they find the rest relative to themselves.
#
# Without CONVOY_INSTALL there is the same, but only for who asks for it (`cmake --install … --component convoy`): a project
# that exports a static library of its own, which links ours, must be able to say that it needs convoy::convoy.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/convoy)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
set(when COMPONENT convoy)
if(NOT CONVOY_INSTALL)
  list(APPEND when EXCLUDE_FROM_ALL)
endif()

set(targets convoy)
if(CONVOY_BUILD_INSIGHT)
  list(APPEND targets convoy_insight)
  install(DIRECTORY insight/include/convoy DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${when})
endif()
if(CONVOY_BUILD_KAFKA)
  list(APPEND targets convoy_kafka)
  install(DIRECTORY kafka/include/convoy DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${when})
endif()
if(CONVOY_BUILD_NATS)
  list(APPEND targets convoy_nats)
  install(DIRECTORY nats/include/convoy DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${when})
endif()
install(TARGETS ${targets} EXPORT convoy ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} ${when})
install(DIRECTORY include/convoy ${CMAKE_CURRENT_BINARY_DIR}/include/convoy DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${when})
install(EXPORT convoy NAMESPACE convoy:: FILE convoy-targets.cmake DESTINATION ${package_dir} ${when})
export(EXPORT convoy NAMESPACE convoy:: FILE convoy-targets.cmake) # for who exports from a build tree

write_basic_package_version_file(convoy-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/convoy-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/convoy-config-version.cmake
  DESTINATION ${package_dir} ${when})

# Directories that are absolute (CMAKE_INSTALL_LIBDIR may be) stay so.
set(pc_prefix ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE ${pkgconfig_dir})
  file(RELATIVE_PATH prefix_from_pc /${pkgconfig_dir} /)
  set(pc_prefix "\${pcfiledir}/${prefix_from_pc}")
endif()
set(pc_libdir "\${prefix}")
cmake_path(APPEND pc_libdir ${CMAKE_INSTALL_LIBDIR})
set(pc_includedir "\${prefix}")
cmake_path(APPEND pc_includedir ${CMAKE_INSTALL_INCLUDEDIR})
configure_file(cmake/convoy.pc.in convoy.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/convoy.pc DESTINATION ${pkgconfig_dir} ${when})

# install_pc(COMPONENT BROKER CLIENT): the same for what stands behind a broker; CLIENT is that of its client library.
function(install_pc component pc_broker pc_client)
  configure_file(cmake/convoy-component.pc.in convoy-${component}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/convoy-${component}.pc DESTINATION ${pkgconfig_dir} ${when})
endfunction()
if(CONVOY_BUILD_KAFKA)
  install_pc(kafka Kafka rdkafka)
endif()
if(CONVOY_BUILD_NATS)
  install_pc(nats "NATS JetStream" libnats)
endif()
