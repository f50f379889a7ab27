#pragma once
/* For a log, and counted from zero. */
enum class UffdEvent { Pagefault, Fork, Remap, Remove, Unmap };
enum class UffdFeature : int { Sigbus = 40, Move = 41 };
constexpr unsigned UFFD_API = 0xAA;
