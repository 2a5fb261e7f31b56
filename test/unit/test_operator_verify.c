/* SPDX-License-Identifier: Apache-2.0 */
/* A broken batch is found where it is handed over, and the operator is named. */
#include "hr_test.h"
#include "operator/operator.h"

HR_TEST(hand_over_names_the_operator)
{
    struct hr_err err = {0};
    struct hr_field fields[] = {{"a", hr_type(HR_T_INT), true}};
    struct hr_field others[] = {{"a", hr_type(HR_T_LONG), true}};
    int32_t values[2] = {1, 2};
    struct hr_pnode node = {.vt = &hr_op_filter, .schema = hr_type_struct(fields, 1)};
    struct hr_op op = {.vt = node.vt, .node = &node};
    struct hr_batch *batch = hr_batch_new(node.schema, 2, NULL);
    batch->columns[0] = (struct hr_column){.type = fields[0].type, .length = 2, .values = values};
    HR_EXPECT_OK(hr_op_verify(&op, NULL, &err));
    HR_EXPECT_OK(hr_op_verify(&op, batch, &err));
    batch->columns[0].length = 1;
    HR_EXPECT_EQ_I64(hr_op_verify(&op, batch, &err), HR_E_INTERNAL);
    HR_EXPECT_TRUE(strstr(err.msg, "Filter hands over") != NULL);
    batch->columns[0].length = 2;
    node.schema = hr_type_struct(others, 1);
    HR_EXPECT_EQ_I64(hr_op_verify(&op, batch, &err), HR_E_INTERNAL);
    HR_EXPECT_TRUE(strstr(err.msg, "another type than the plan's") != NULL);
    hr_batch_unref(batch);
}
