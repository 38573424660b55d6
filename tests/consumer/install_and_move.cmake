# Installs BUILD_DIR, and moves what is installed to PREFIX: nothing of it may know where it was.

file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix "${PREFIX} before" COMMAND_ERROR_IS_FATAL ANY)
file(RENAME "${PREFIX} before" ${PREFIX})
