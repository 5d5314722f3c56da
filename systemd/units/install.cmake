# SPDX-License-Identifier: MIT
# Writes the units at installation. The two differ in names only; what they share is in common.conf.
file(READ ${CMAKE_CURRENT_LIST_DIR}/common.conf OSTLER_UNIT_COMMON)
foreach(unit ostlerd.service ostlerd@.service)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${unit}.in ${OSTLER_UNITS}/${unit} @ONLY)
  file(INSTALL ${OSTLER_UNITS}/${unit} DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/system)
endforeach()
