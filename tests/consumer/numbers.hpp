#pragma once

/// 0: they were handled in order.
__attribute__((visibility("default"))) int numbers();
