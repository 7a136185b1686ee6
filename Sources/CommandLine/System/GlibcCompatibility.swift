/// Taken instead of libm's. The Swift runtime that is linked in names hypotf, which nothing here calls; glibc has it in a version of
/// 2.35, and the program would not start on RHEL 9, whose glibc is 2.34.
///
/// The squares of two floats have room in a double, so it is as exact as the original.
@c(hypotf)
func hypotf(_ x: Float, _ y: Float) -> Float {
  if x.isInfinite || y.isInfinite { return .infinity }
  return Float((Double(x) * Double(x) + Double(y) * Double(y)).squareRoot())
}
