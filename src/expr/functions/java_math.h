/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of Java's StrictMath, bit for bit, where the C library rounds the last digit
 * otherwise. */
#ifndef HR_EXPR_FUNCTIONS_JAVA_MATH_H
#define HR_EXPR_FUNCTIONS_JAVA_MATH_H

double hr_java_exp(double x);
double hr_java_cbrt(double x);
double hr_java_cosh(double x);
double hr_java_sinh(double x);
double hr_java_atan(double x);
double hr_java_atan2(double y, double x);

#endif
