# One folder under src/ = one static library `atelier_<name>`, with its unit tests (`*_test.cpp` -> `<name>_test`)
# and its fuzz targets (`x_fuzz.cpp` -> `x_fuzz`) beside the sources. USES lists the folders it may include; LINKS
# the outside libraries. What is not listed is not linked: the build files are the map of the house.

set(ATELIER_WARNINGS -Wall -Wextra -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND ATELIER_WARNINGS -Wno-deprecated-declarations)  # libstdc++ 12's own stable_sort trips it
elseif(CMAKE_CXX_FLAGS_DEBUG MATCHES "-fsanitize")
  list(APPEND ATELIER_WARNINGS -Wno-maybe-uninitialized)  # g++ 12 raises false alarms in instrumented code
endif()

# Flags by file name: linear_avx2.cpp is compiled for AVX2, and so on. Files without a suffix run on any x86-64.
set(ATELIER_ISA_avx2 -mavx2 -mfma -mf16c)
set(ATELIER_ISA_avxvnni ${ATELIER_ISA_avx2} -mavxvnni)
set(ATELIER_ISA_avx512 ${ATELIER_ISA_avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni)
set(ATELIER_ISA_avx512bf16 ${ATELIER_ISA_avx512} -mavx512bf16)
set(ATELIER_ISA_amx ${ATELIER_ISA_avx512bf16} -mavx512vbmi -mamx-tile -mamx-int8 -mamx-bf16)

# -ffp-contract=off: a product and a sum are fused only where the source says std::fma, so that every
# instruction set rounds at the same places.
function(atelier_flags target)
  target_compile_options(${target} PRIVATE ${ATELIER_WARNINGS} -ffp-contract=off)
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/src)
endfunction()

# Everything that ctest runs, and everything that is fuzzed, without the program itself: all that the sanitizer
# builds need.
add_custom_target(unit_tests)
add_custom_target(fuzz_targets)

function(atelier_library name)
  cmake_parse_arguments(ARG "" "" "USES;LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp cpu/*.cpp)
  set(tests ${sources})
  set(fuzzers ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz)\\.cpp$")

  set(uses)
  foreach(room ${ARG_USES})
    list(APPEND uses atelier_${room})
  endforeach()
  if(sources)
    add_library(atelier_${name} STATIC ${sources})
    atelier_flags(atelier_${name})
    target_link_libraries(atelier_${name} PUBLIC ${uses} ${ARG_LINKS})
    foreach(isa avx2 avxvnni avx512 avx512bf16 amx)
      set(files ${sources})
      list(FILTER files INCLUDE REGEX "_${isa}\\.cpp$")
      set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS "${ATELIER_ISA_${isa}}")
    endforeach()
  else()
    add_library(atelier_${name} INTERFACE)
    target_include_directories(atelier_${name} INTERFACE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(atelier_${name} INTERFACE ${uses} ${ARG_LINKS})
  endif()

  if(tests AND ATELIER_TESTS)
    add_executable(${name}_test ${tests})
    atelier_flags(${name}_test)
    target_compile_options(${name}_test PRIVATE -O1)  # compiled more often than run
    target_link_libraries(${name}_test PRIVATE atelier_${name} GTest::gmock GTest::gtest_main)
    add_dependencies(unit_tests ${name}_test)
    add_test(NAME ${name} COMMAND ${name}_test WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  endif()
  if(ATELIER_FUZZ)
    foreach(file ${fuzzers})
      get_filename_component(target ${file} NAME_WE)
      add_executable(${target} ${file})
      atelier_flags(${target})
      target_link_libraries(${target} PRIVATE atelier_${name})
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
      add_dependencies(fuzz_targets ${target})
    endforeach()
  endif()
endfunction()
