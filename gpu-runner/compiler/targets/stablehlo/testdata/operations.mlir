// operands are spread before an elementwise operation, each once
func.func public @main(%arg0: tensor<2x3xf32>, %arg1: tensor<3xf32>) -> (tensor<2x3xf32>) {
  %0 = stablehlo.broadcast_in_dim %arg1, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>
  %1 = stablehlo.add %arg0, %0 : tensor<2x3xf32>
  %2 = stablehlo.divide %1, %0 : tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// a scalar selects without being spread
func.func public @main(%arg0: tensor<i1>, %arg1: tensor<2x3xf32>) -> (tensor<2x3xf32>) {
  %0 = stablehlo.constant dense<0x00000000> : tensor<f32>
  %1 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f32>) -> tensor<2x3xf32>
  %2 = stablehlo.select %arg0, %arg1, %1 : tensor<i1>, tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// floats are compared as FLOAT
func.func public @main(%arg0: tensor<2x3xf32>, %arg1: tensor<3xf32>) -> (tensor<2x3xi1>) {
  %0 = stablehlo.broadcast_in_dim %arg1, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>
  %1 = stablehlo.compare LT, %arg0, %0, FLOAT : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
  return %1 : tensor<2x3xi1>
}

// whole numbers are compared as SIGNED
func.func public @main(%arg0: tensor<2xi32>) -> (tensor<2xi1>) {
  %0 = stablehlo.compare EQ, %arg0, %arg0, SIGNED : (tensor<2xi32>, tensor<2xi32>) -> tensor<2xi1>
  return %0 : tensor<2xi1>
}

// a cast to bool compares with 0
func.func public @main(%arg0: tensor<2xf32>) -> (tensor<2xi1>) {
  %0 = stablehlo.constant dense<0x00000000> : tensor<f32>
  %1 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f32>) -> tensor<2xf32>
  %2 = stablehlo.compare NE, %arg0, %1, FLOAT : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xi1>
  return %2 : tensor<2xi1>
}

// matmul of matrices
func.func public @main(%arg0: tensor<2x3xf32>) -> (tensor<2x2xf32>) {
  %0 = stablehlo.dot_general %arg0, %arg0, contracting_dims = [1] x [1], precision = [HIGHEST, HIGHEST] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// matmul of transposed batches
func.func public @main(%arg0: tensor<2x4x3xf32>, %arg1: tensor<2x5x4xf32>) -> (tensor<2x3x5xf32>) {
  %0 = stablehlo.dot_general %arg0, %arg1, batching_dims = [0] x [0], contracting_dims = [1] x [2], precision = [HIGHEST, HIGHEST] : (tensor<2x4x3xf32>, tensor<2x5x4xf32>) -> tensor<2x3x5xf32>
  return %0 : tensor<2x3x5xf32>
}

// matmul of a short format
func.func public @main(%arg0: tensor<2x2xbf16>) -> (tensor<2x2xbf16>) {
  %0 = stablehlo.dot_general %arg0, %arg0, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<2x2xbf16>, tensor<2x2xbf16>) -> tensor<2x2xbf16>
  return %0 : tensor<2x2xbf16>
}

// conv2d with padding by side
func.func public @main(%arg0: tensor<1x2x6x6xf32>) -> (tensor<1x2x4x8xf32>) {
  %0 = stablehlo.constant dense<0x3F800000> : tensor<2x1x3x3xf32>
  %1 = stablehlo.convolution(%arg0, %0) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1], window = {stride = [2, 1], pad = [[1, 3], [2, 4]], rhs_dilate = [1, 2]} {batch_group_count = 1 : i64, feature_group_count = 2 : i64, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<1x2x6x6xf32>, tensor<2x1x3x3xf32>) -> tensor<1x2x4x8xf32>
  return %1 : tensor<1x2x4x8xf32>
}

// a sum of a short format is taken in f32
func.func public @main(%arg0: tensor<2x3xbf16>) -> (tensor<2x1xbf16>) {
  %0 = stablehlo.convert %arg0 : (tensor<2x3xbf16>) -> tensor<2x3xf32>
  %1 = stablehlo.constant dense<0x00000000> : tensor<f32>
  %2 = stablehlo.reduce(%0 init: %1) applies stablehlo.add across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
  %3 = stablehlo.convert %2 : (tensor<2xf32>) -> tensor<2xbf16>
  %4 = stablehlo.reshape %3 : (tensor<2xbf16>) -> tensor<2x1xbf16>
  return %4 : tensor<2x1xbf16>
}

// reduced axes stay
func.func public @main(%arg0: tensor<2x3xf32>) -> (tensor<1x3xf32>) {
  %0 = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %1 = stablehlo.reduce(%arg0 init: %0) applies stablehlo.maximum across dimensions = [0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<3xf32>
  %2 = stablehlo.reshape %1 : (tensor<3xf32>) -> tensor<1x3xf32>
  return %2 : tensor<1x3xf32>
}

// the softmax of a short format is taken in f32
func.func public @main(%arg0: tensor<2x3xf16>) -> (tensor<2x3xf16>) {
  %0 = stablehlo.convert %arg0 : (tensor<2x3xf16>) -> tensor<2x3xf32>
  %1 = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %2 = stablehlo.reduce(%0 init: %1) applies stablehlo.maximum across dimensions = [0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<3xf32>
  %3 = stablehlo.broadcast_in_dim %2, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>
  %4 = stablehlo.subtract %0, %3 : tensor<2x3xf32>
  %5 = stablehlo.exponential %4 : tensor<2x3xf32>
  %6 = stablehlo.constant dense<0x00000000> : tensor<f32>
  %7 = stablehlo.reduce(%5 init: %6) applies stablehlo.add across dimensions = [0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<3xf32>
  %8 = stablehlo.broadcast_in_dim %7, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>
  %9 = stablehlo.divide %5, %8 : tensor<2x3xf32>
  %10 = stablehlo.convert %9 : (tensor<2x3xf32>) -> tensor<2x3xf16>
  return %10 : tensor<2x3xf16>
}

// one f32
func.func public @main() -> (tensor<2xf32>) {
  %0 = stablehlo.constant dense<0x3FC00000> : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// several f32
func.func public @main() -> (tensor<2xf32>) {
  %0 = stablehlo.constant dense<"0x0000803F000080FF"> : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// one f16
func.func public @main() -> (tensor<2xf16>) {
  %0 = stablehlo.constant dense<0x3E00> : tensor<2xf16>
  return %0 : tensor<2xf16>
}

// several bf16
func.func public @main() -> (tensor<2xbf16>) {
  %0 = stablehlo.constant dense<"0xC03F00C0"> : tensor<2xbf16>
  return %0 : tensor<2xbf16>
}

// one i32
func.func public @main() -> (tensor<2xi32>) {
  %0 = stablehlo.constant dense<-5> : tensor<2xi32>
  return %0 : tensor<2xi32>
}

// one bool
func.func public @main() -> (tensor<2xi1>) {
  %0 = stablehlo.constant dense<true> : tensor<2xi1>
  return %0 : tensor<2xi1>
}

// several bools
func.func public @main() -> (tensor<2x2xi1>) {
  %0 = stablehlo.constant dense<[[true, false], [false, true]]> : tensor<2x2xi1>
  return %0 : tensor<2x2xi1>
}

// no elements
func.func public @main() -> (tensor<3x0xf32>) {
  %0 = stablehlo.constant dense<> : tensor<3x0xf32>
  return %0 : tensor<3x0xf32>
}

// slice
func.func public @main(%arg0: tensor<2x3xf32>) -> (tensor<2x2xf32>) {
  %0 = stablehlo.slice %arg0 [0:2, 1:3] : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// pad
func.func public @main(%arg0: tensor<2x3xf32>) -> (tensor<4x4xf32>) {
  %0 = stablehlo.constant dense<0x00000000> : tensor<f32>
  %1 = stablehlo.pad %arg0, %0, low = [0, 1], high = [2, 0], interior = [0, 0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<4x4xf32>
  return %1 : tensor<4x4xf32>
}

// concat
func.func public @main(%arg0: tensor<2x3xf32>, %arg1: tensor<1x3xf32>) -> (tensor<3x3xf32>) {
  %0 = stablehlo.concatenate %arg0, %arg1, dim = 0 : (tensor<2x3xf32>, tensor<1x3xf32>) -> tensor<3x3xf32>
  return %0 : tensor<3x3xf32>
}

// transpose
func.func public @main(%arg0: tensor<2x3x4xf32>) -> (tensor<4x2x3xf32>) {
  %0 = stablehlo.transpose %arg0, dims = [2, 0, 1] : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  return %0 : tensor<4x2x3xf32>
}

// gather
func.func public @main(%arg0: tensor<2x5x3xf32>, %arg1: tensor<4xi32>) -> (tensor<2x4x3xf32>) {
  %0 = stablehlo.reshape %arg1 : (tensor<4xi32>) -> tensor<4x1xi32>
  %1 = "stablehlo.gather"(%arg0, %0) <{dimension_numbers = #stablehlo.gather<offset_dims = [0, 2], collapsed_slice_dims = [1], start_index_map = [1], index_vector_dim = 1>, indices_are_sorted = false, slice_sizes = array<i64: 2, 1, 3>}> : (tensor<2x5x3xf32>, tensor<4x1xi32>) -> tensor<2x4x3xf32>
  return %1 : tensor<2x4x3xf32>
}

// scatterAdd
func.func public @main(%arg0: tensor<2x5x3xf32>, %arg1: tensor<4xi32>) -> (tensor<2x5x3xf32>) {
  %0 = stablehlo.constant dense<0x3F800000> : tensor<2x4x3xf32>
  %1 = stablehlo.reshape %arg1 : (tensor<4xi32>) -> tensor<4x1xi32>
  %2 = "stablehlo.scatter"(%arg0, %1, %0) <{indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [0, 2], inserted_window_dims = [1], scatter_dims_to_operand_dims = [1], index_vector_dim = 1>, unique_indices = false}> ({ ^bb0(%a: tensor<f32>, %b: tensor<f32>): %sum = stablehlo.add %a, %b : tensor<f32> stablehlo.return %sum : tensor<f32> }) : (tensor<2x5x3xf32>, tensor<4x1xi32>, tensor<2x4x3xf32>) -> tensor<2x5x3xf32>
  return %2 : tensor<2x5x3xf32>
}

// a value that is computed again waits for others
func.func public @main(%arg0: tensor<2xf32>) -> (tensor<2xf32>) {
  %0 = stablehlo.exponential %arg0 : tensor<2xf32>
  %1 = stablehlo.negate %arg0 : tensor<2xf32>
  %2 = stablehlo.constant dense<false> : tensor<i1>
  %3:3 = stablehlo.optimization_barrier %0, %1, %2 : tensor<2xf32>, tensor<2xf32>, tensor<i1>
  %4:2 = stablehlo.optimization_barrier %arg0, %3#2 : tensor<2xf32>, tensor<i1>
  return %4#0 : tensor<2xf32>
}

// a rotation by slices, without a product
func.func public @main(%arg0: tensor<2x4xf32>) -> (tensor<2x4xf32>) {
  %0 = stablehlo.constant dense<0x3F000000> : tensor<4xf32>
  %1 = stablehlo.constant dense<0x3E800000> : tensor<4xf32>
  %2 = stablehlo.reshape %arg0 : (tensor<2x4xf32>) -> tensor<2x2x2xf32>
  %3 = stablehlo.slice %2 [0:2, 0:2, 0:1] : (tensor<2x2x2xf32>) -> tensor<2x2x1xf32>
  %4 = stablehlo.slice %2 [0:2, 0:2, 1:2] : (tensor<2x2x2xf32>) -> tensor<2x2x1xf32>
  %5 = stablehlo.negate %4 : tensor<2x2x1xf32>
  %6 = stablehlo.concatenate %5, %3, dim = 2 : (tensor<2x2x1xf32>, tensor<2x2x1xf32>) -> tensor<2x2x2xf32>
  %7 = stablehlo.broadcast_in_dim %0, dims = [1] : (tensor<4xf32>) -> tensor<2x4xf32>
  %8 = stablehlo.multiply %arg0, %7 : tensor<2x4xf32>
  %9 = stablehlo.reshape %6 : (tensor<2x2x2xf32>) -> tensor<2x4xf32>
  %10 = stablehlo.broadcast_in_dim %1, dims = [1] : (tensor<4xf32>) -> tensor<2x4xf32>
  %11 = stablehlo.multiply %9, %10 : tensor<2x4xf32>
  %12 = stablehlo.add %8, %11 : tensor<2x4xf32>
  return %12 : tensor<2x4xf32>
}

// reciprocal
func.func public @main(%arg0: tensor<2xf32>) -> (tensor<2xf32>) {
  %0 = stablehlo.constant dense<0x3F800000> : tensor<2xf32>
  %1 = stablehlo.divide %0, %arg0 : tensor<2xf32>
  return %1 : tensor<2xf32>
}

// erf
func.func public @main(%arg0: tensor<2xf32>) -> (tensor<2xf32>) {
  %0 = chlo.erf %arg0 : tensor<2xf32> -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
